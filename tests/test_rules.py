"""The rules of the design, each held by a test."""

import ast
import importlib
import inspect
import io
import re
import subprocess
import sys
import tokenize
import warnings
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import FunctionType

import jaxtyping
import numpy as np
import pytest

from glassformer.attention.scaled_dot_product import scaled_dot_product_attention

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src/glassformer"

# Read downwards: an entry imports only from entries above it.
ORDER = [
    *("pizza", "pizza_words", "pizza_grammar", "pizza_texts", "pizza_reviews", "pizza_translation"),
    *("plot", "drawing", "softmax"),
    "tokenization.vocabulary",
    *("tokenization.bpe", "tokenization.wordpiece", "tokenization.unigram"),
    "embedding",
    *("position.learned", "position.sinusoidal", "position.relative", "position.rope"),
    "position.alibi",
    *("attention.mask", "attention.scaled_dot_product", "attention.multi_head"),
    *("attention.grouped_query", "attention.cross"),
    *("block.activation", "block.feed_forward", "block.normalization", "block.residual"),
    *("block.transformer_block", "logits", "model.check", "model.weights"),
    *("model.decoder_only", "model.encoder_only", "model.encoder_decoder", "model.t5"),
    *("model.modern_decoder", "model.vision", "long_context", "inference"),
    *("nn", "training", "insight"),
]
NUMPY = slice(ORDER.index("softmax"), ORDER.index("nn"))
# The sizes are counted in nn.sizes, from the architectures of the twin, which has no pages.
PAGES_WITHOUT_MODULE = (
    "index",
    "start/",
    "more/",
    "reference/",
    "glossary",
    "/index",
    "model/sizes",
)
MODULES_WITHOUT_PAGE = (
    "nn/",
    "pizza",
    "plot",
    "drawing",
    "__main__",
    "training/loop",
    "training/pizza_",
    "model/check",
    "model/t5",
    "model/weights",
    "tokenization/vocabulary",
)
LONGEST = 150
METHODS = (FunctionType, classmethod, staticmethod, property, cached_property)


def names(folder: str, pattern: str, prefix: str = "") -> set[str]:
    """The concepts of a tree, as paths without ending: attention/mask."""
    found = (ROOT / folder).rglob(pattern)
    paths = (path.relative_to(ROOT / folder).with_suffix("") for path in found)
    return {
        str(path.with_name(path.name.removeprefix(prefix)).as_posix())
        for path in paths
        if path.name != "__init__" and path.parts[0] != "literate"
    }


def modules() -> Iterator[tuple[str, Path]]:
    """Each module of the package by its name within it: attention.mask."""
    for path in sorted(SOURCE.rglob("*.py")):
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        if path.name != "__init__.py":
            yield name, path


MODULES = dict(modules())


def place(module: str) -> int:
    """Where a module, or the folder that it is in, stands in the order."""
    while module not in ORDER:
        module = module.rpartition(".")[0]
        assert module, "the order of modules does not know this one"
    return ORDER.index(module)


def imported(path: Path) -> set[str]:
    """The modules that a file imports, at any depth; those of the package by their full names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: expected absolute imports"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {
                name if name.removeprefix("glassformer.") in MODULES else str(node.module)
                for name in whole
            }
    return found


def test_page_module_and_test_have_the_same_name() -> None:
    """A concept is a page, a module and a test, under the same path."""
    pages = {n for n in names("docs", "*.md") if not n.endswith("/index")}
    pages = {n for n in pages if not n.startswith(PAGES_WITHOUT_MODULE)}
    concepts = {
        n for n in names("src/glassformer", "*.py") if not n.startswith(MODULES_WITHOUT_PAGE)
    }
    tests = names("tests", "test_*.py", "test_")
    assert pages == concepts
    assert concepts <= tests


@pytest.mark.parametrize("module", MODULES)
def test_imports_come_from_above(module: str) -> None:
    """The package is read from top to bottom."""
    ours = {name for name in imported(MODULES[module]) if name.startswith("glassformer.")}
    below = {
        name
        for name in ours
        if place(name.removeprefix("glassformer.")) > place(module)
        or name.removeprefix("glassformer.") == module
    }
    assert below == set()


@pytest.mark.parametrize("module", MODULES)
def test_the_twin_and_the_numpy_side_are_apart(module: str) -> None:
    """Neither imports the other, so that their agreement is evidence; `plot` serves pages only."""
    numpy_side = place(module) in range(*NUMPY.indices(len(ORDER)))
    other = {
        place(n.removeprefix("glassformer."))
        for n in imported(MODULES[module])
        if n.startswith("glassformer.")
    }
    if numpy_side:
        assert not {name for name in imported(MODULES[module]) if name.split(".")[0] == "torch"}
        assert other <= set(range(*NUMPY.indices(len(ORDER))))
    elif module.startswith("nn."):
        assert other <= {ORDER.index("nn")}


def test_the_numpy_side_imports_without_torch() -> None:
    """A reader of the NumPy side installs no torch: tried in a fresh interpreter without it."""
    wanted = [n for n in MODULES if not n.startswith(("nn.", "training.", "insight."))]
    code = "import sys\nsys.modules['torch'] = None\n"
    code += "".join(f"import glassformer.{name}\n" for name in wanted)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert len(wanted) > len(MODULES) / 2


def test_the_two_packages_do_not_know_each_other() -> None:
    """`literate` serves any subject; `glassformer` needs no machinery."""
    for path in (ROOT / "src/literate").rglob("*.py"):
        assert not {
            n for n in imported(path) if n.split(".")[0] in ("glassformer", "torch", "numpy")
        }
    for path in MODULES.values():
        assert not {n for n in imported(path) if n.split(".")[0] == "literate"}


def code_lines(path: Path) -> int:
    """The lines of a module that hold code: neither blank nor comment nor docstring."""
    text = path.read_text(encoding="utf-8")
    skipped = {
        tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
        tokenize.ENDMARKER, tokenize.ENCODING,
    }  # fmt: skip
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in skipped
        for line in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            said = node.body[0]
            lines -= set(range(said.lineno, (said.end_lineno or said.lineno) + 1))
    return len(lines)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_what_a_page_can_show(module: str) -> None:
    """No module is longer than a reader can hold in the head."""
    assert code_lines(MODULES[module]) <= LONGEST


def public(module: str) -> Iterator[tuple[str, object]]:
    """The public functions and classes of a module, and the public methods of its classes."""
    found = importlib.import_module(f"glassformer.{module}")
    for name, value in vars(found).items():
        ours = getattr(value, "__module__", "") == found.__name__ and not name.startswith("_")
        if ours and (inspect.isfunction(value) or inspect.isclass(value)):
            yield name, value
            for method, member in vars(value).items() if inspect.isclass(value) else ():
                if isinstance(member, METHODS) and not method.startswith("_"):
                    yield f"{name}.{method}", member


def described(name: str, value: object) -> bool:
    """Whether a public name has a docstring of its own; a dataclass without gets one made."""
    said = getattr(value, "__doc__", None) or ""
    return bool(said) and not said.startswith(f"{name}(")


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_documented(module: str) -> None:
    """The API reference shows each module, and each public name has a docstring of its own."""
    text = "".join(path.read_text() for path in (ROOT / "docs/reference").glob("*.md"))
    assert re.search(rf"^::: glassformer\.{re.escape(module)}$", text, re.MULTILINE)
    assert inspect.getdoc(importlib.import_module(f"glassformer.{module}"))
    found = dict(public(module))
    assert found, "a module without a public name"
    undocumented = [name for name, value in found.items() if not described(name, value)]
    assert undocumented == []


def test_the_reference_is_directives_only() -> None:
    """What the reference says, the docstrings say; a search ranks it just below its page."""
    for path in (ROOT / "docs/reference").glob("*.md"):
        text = path.read_text().removeprefix("---\nsearch: {boost: 1.2}\n---\n\n")
        lines = [line for line in text.split("\n") if line]
        assert lines[0].startswith("# "), path
        assert all(line.startswith("::: glassformer.") for line in lines[1:]), path


def test_shapes_are_checked_while_tests_run() -> None:
    """Keys and values of different length do not pass the annotations of the test run."""
    q, k, v = np.ones((2, 4)), np.ones((3, 4)), np.ones((5, 4))
    with pytest.raises(jaxtyping.TypeCheckError):
        scaled_dot_product_attention(q, k, v)


def test_a_reader_gets_our_own_error() -> None:
    """With the checks off, as on a page, a wrong shape is a ValueError that says what came."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        with pytest.raises(ValueError, match="expected"):
            scaled_dot_product_attention(np.ones((2, 4)), np.ones((3, 4)), np.ones((5, 4)))
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def test_our_own_warnings_are_errors() -> None:
    """A warning fails the test in which it is given."""
    with pytest.raises(RuntimeWarning, match="overflow"):
        np.exp(np.array([1000.0]))
    with pytest.raises(DeprecationWarning):
        warnings.warn("old", DeprecationWarning, stacklevel=1)


def test_both_builders_read_the_settings() -> None:
    """Zensical knows no tag of mkdocs.yml but !ENV, no hooks, and few plugins."""
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    settings = re.sub(r"#.*", "", text)
    assert set(re.findall(r"(?<=[\s\[])!\w+", settings)) == {"!ENV"}
    assert "hooks:" not in settings
    plugins = settings.split("\nplugins:")[1].split("\nmarkdown_extensions:")[0]
    assert re.findall(r"^  - (\w+)", plugins, re.MULTILINE) == ["search", "mkdocstrings"]
