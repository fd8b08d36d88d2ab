"""Formulas become MathML wherever they stand, and a bad one fails its page."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import markdown
import pytest
from markdown import Markdown
from mkdocs.config import load_config

from literate.maths import to_mathml

EXTENSIONS = [
    *("admonition", "attr_list", "def_list", "footnotes", "md_in_html", "tables", "toc"),
    *("pymdownx.arithmatex", "pymdownx.details", "pymdownx.superfences", "pymdownx.tabbed"),
    "literate.maths",
]
OPTIONS = {"pymdownx.arithmatex": {"generic": True}, "pymdownx.tabbed": {"alternate_style": True}}

# What the pages need. Each is one formula on lines of its own.
FORMULAS = [
    r"\operatorname{softmax}(x)_i = \frac{\exp(x_i / \tau)}{\sum_{j=1}^{S} \exp(x_j / \tau)}",
    r"\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt{d_k}}\right) V",
    r"X \in \mathbb{R}^{T \times S}, \quad \mathbf{W}_O \in \mathbb{R}^{HM \times D}",
    r"M_{ij} = \begin{cases} 0 & \text{if } j \le i \\ -\infty & \text{otherwise} \end{cases}",
    r"\begin{aligned} q &= x W_Q \\ k &= x W_K \end{aligned}",
    r"\begin{pmatrix} \cos m\theta & -\sin m\theta \\ \sin m\theta & \cos m\theta \end{pmatrix}",
    r"\begin{bmatrix} 1 & 0 & \cdots \\ \vdots & \ddots & 0 \end{bmatrix}",
    r"\mathcal{L} = -\frac{1}{T} \sum_{t=1}^{T} \log p_\theta(x_t \mid x_{<t})",
    r"\frac{\partial p_i}{\partial x_j} = p_i (\delta_{ij} - p_j), \nabla_\theta \mathcal{L}",
    r"\operatorname*{arg\,max}_{y \in V} \prod_t p(y_t \mid y_{<t}, x)",
    r"\mathbb{E}_{x \sim p}[f(x)], \quad \operatorname{Var}(q \cdot k) = d_k, \lVert x \rVert_2^2",
    r"\hat{x} = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} \odot \gamma + \beta",
    r"\underbrace{a + b}_{\text{both}} \overset{!}{=} \overline{x} \approx \tilde{y} \neq z",
    r"2^{-8h/H}, \; \lfloor \log_2 n \rfloor, \; a \bmod b, \; \binom{n}{k}, \; A^{-1}, \; x'",
    r"\alpha \to \omega \Rightarrow \forall x \, \exists y : x \oplus y \ge 0 \iff x \subseteq y",
]


def convert(text: str) -> str:
    """Turn Markdown into HTML with the extensions that a page may use."""
    return markdown.markdown(text, extensions=EXTENSIONS, extension_configs=OPTIONS)


def text_of(html: str) -> str:
    """The text of HTML, as a screen reader or a search would have it."""
    return "".join(ET.fromstring(f"<div>{html}</div>").itertext())


@pytest.mark.parametrize("tex", FORMULAS)
def test_formulas_of_our_pages_become_mathml(tex: str) -> None:
    """Each kind of formula that our pages write can be written, and leaves no TeX behind."""
    html = convert(f"Before\n\n$$\n{tex}\n$$\n\nafter")
    assert html.count("<math") == 1
    assert '<div class="math-block"><math display="block">' in html
    assert not re.search(r"[\\$]|merror", html)


@pytest.mark.parametrize(
    "text",
    [
        "A sentence with $x_i < y$ in it.",
        "$x_i < y$",
        "- a list: $x_i < y$\n    1. $x_i < y$",
        "| $x_i < y$ | b |\n|---|---|\n| c | $x_i < y$ |",
        '!!! note "A note on $x_i < y$"\n    Then $x_i < y$.',
        '??? question "A question on $x_i < y$"\n    Then $x_i < y$.',
        '=== "Tab"\n    Then $x_i < y$.',
        "> Quoted $x_i < y$.",
        "**Bold $x_i < y$**, and [linked $x_i < y$](https://example.org/)",
        "A note.[^1]\n\n[^1]: Its $x_i < y$.",
        "Term $x_i < y$\n:   Its $x_i < y$",
        '<div markdown="1">\nInside $x_i < y$\n</div>',
        "## A heading with $x_i < y$",
    ],
)
def test_formulas_work_in_every_place(text: str) -> None:
    """A formula is converted in lists, tables, notes, tabs, headings and all other places."""
    html = convert(text)
    assert html.count("<mo>&lt;</mo>") == text.count("$x_i < y$")
    assert "arithmatex" not in html
    assert "$" not in html


def test_block_inside_a_fold() -> None:
    """A formula on lines of its own is a block in a folded solution of a list too."""
    html = convert(
        '- item\n\n    ??? tip "Hint"\n\n        $$\n        a & b\n        $$\n'.replace("&", "<")
    )
    assert html.count('<div class="math-block"><math display="block">') == 1
    assert "<mo>&lt;</mo>" in html


def test_signs_of_html_in_formulas() -> None:
    """`<`, `>` and `&` are signs of the formula, inline and as a block, never HTML."""
    inline = convert(r"$a<b>c$ and $\begin{matrix} 1 & 2 \end{matrix}$")
    block = convert("$$\na<b>c\n$$\n\n$$\n\\begin{matrix} 1 & 2 \\end{matrix}\n$$")
    for html in (inline, block):
        assert text_of(html).replace("\n", "").replace(" and ", "") == "a<b>c12"
        assert html.count("<mtd") == 2


@pytest.mark.parametrize("mark", [".", ",", ").", "?", "”,"])
def test_a_mark_stays_with_its_formula(mark: str) -> None:
    """No line begins with the punctuation after a formula; words and raw HTML stay outside."""
    html = convert(f"So $x${mark} Then $y$ and $z$<b>,</b>")
    assert html.count('<span class="math-mark"><math') == 1
    assert f"</math>{mark}</span> Then" in html
    assert "</math> and " in html
    assert "</math><b>,</b>" in html


def test_an_opening_bracket_stays_with_its_formula() -> None:
    """No line ends with the bracket before a formula, whether more follows or not."""
    html = convert("Heads ($H = 2$), *or* ($x$ and [$y$ so) $z$.")
    assert re.findall(r'<span class="math-mark">(.?)<math', html) == ["(", "(", "[", ""]
    assert text_of(html).startswith("Heads (H=2), or (x and [y so) z.")


def test_text_around_a_formula_is_kept() -> None:
    """What stands before and after a formula, spaces too, stays."""
    assert text_of(convert("The $x$, $y$ and *the* $z$.")) == "The x, y and the z."


@pytest.mark.parametrize(
    "text", ["`$x$`", "```text\n$x$ and $$y$$\n```", "It costs $5 or $6.", r"\$x\$", "    $x$"]
)
def test_dollars_that_are_no_formula_are_left_alone(text: str) -> None:
    """Code, prices and escaped dollars are not read as formulas."""
    html = convert(text)
    assert "<math" not in html
    assert "$" in html


def test_heading_and_contents() -> None:
    """A heading with a formula gets an address and an entry in the contents without TeX."""
    md = Markdown(extensions=EXTENSIONS, extension_configs=OPTIONS)
    html = md.convert(r"## Why $\sqrt{d_k}$ matters")
    entry = md.toc_tokens[0]  # type: ignore[attr-defined]
    assert '<h2 id="why-dk-matters">Why <math><msqrt>' in html
    assert entry["name"] == "Why dk matters"


def test_a_macro_ends_with_its_formula() -> None:
    """A macro defined in one formula is unknown in the next."""
    assert "<mi>q</mi>" in convert(r"$\newcommand{\own}{q} \own$")
    with pytest.raises(ValueError, match="own"):
        convert("$\\newcommand{\\own}{q} \\own$\n\n$\\own$")


@pytest.mark.parametrize(
    ("tex", "named"),
    [
        (r"\frac{a}{", r"\frac{a}{"),
        (r"\sofmax(x)", r"\sofmax"),
        (r"\left( x", r"\left( x"),
        (r"x_a_b", "x_a_b"),
        (r"\begin{cases} 1", r"\begin{cases}"),
        (r"\text{a & b}", r"\text{a & b}"),
    ],
)
@pytest.mark.parametrize("page", ["Some ${}$ text.", "$$\n{}\n$$"])
def test_a_bad_formula_fails_and_is_named(tex: str, named: str, page: str) -> None:
    """TeX that cannot be converted raises an error with the formula in it."""
    with pytest.raises(ValueError, match=re.escape(named)) as caught:
        convert(page.replace("{}", tex))
    assert str(caught.value).startswith("expected TeX that math-core knows, got $")


def test_nothing_is_not_a_formula() -> None:
    """An empty formula is an error."""
    with pytest.raises(ValueError, match="expected a formula"):
        to_mathml(" ", block=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A site of one page, whose reference has a formula in a docstring."""
    (tmp_path / "mkdocs.yml").write_text(
        "site_name: T\ntheme: mkdocs\nstrict: true\n"
        "plugins: [{mkdocstrings: {handlers: {python: {paths: [.]}}}}]\n"
        "markdown_extensions: [{pymdownx.arithmatex: {generic: true}}, literate.maths]\n"
    )
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("# T\n\n$$\n\\sqrt{a}\n$$\n\n::: scaled\n")
    (tmp_path / "scaled.py").write_text('r"""Divides by $\\sqrt{d_k} < 1$."""\n')
    return tmp_path


def build(project: Path) -> subprocess.CompletedProcess[str]:
    """Build a site as a writer does."""
    command = [sys.executable, "-m", "mkdocs", "build"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def test_formulas_in_pages_and_docstrings_of_a_site(project: Path) -> None:
    """MkDocs builds formulas in pages, and mkdocstrings those in docstrings."""
    result = build(project)
    assert result.returncode == 0, result.stderr
    html = (project / "site/index.html").read_text(encoding="utf-8")
    assert html.count("<msqrt>") == 2
    assert "arithmatex" not in html


def test_a_bad_formula_fails_the_build(project: Path) -> None:
    """The build stops, and names the page and the formula."""
    (project / "docs/index.md").write_text("# T\n\nA $\\sofmax$.\n")
    result = build(project)
    assert result.returncode != 0
    assert "index.md" in result.stderr
    assert r"got $\sofmax$" in result.stderr


def test_the_sites_own_configuration_converts_formulas(pytestconfig: pytest.Config) -> None:
    """mkdocs.yml turns formulas into MathML, in pages and in docstrings."""
    config = load_config(str(pytestconfig.rootpath / "mkdocs.yml"))
    md = Markdown(extensions=config.markdown_extensions, extension_configs=config.mdx_configs)
    assert "<msqrt>" in md.convert(r"Divide by $\sqrt{d_k}$.")
