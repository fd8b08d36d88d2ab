"""What the audit finds in a built site: every defect of a table, and nothing on a page without.

The site is real: built once with MkDocs from this project's own settings, one page a defect.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from literate.audit import audit, main
from literate.audit.code import heads
from literate.audit.sections import cut
from literate.audit.site import load
from literate.page import key
from literate.svg import clean

ROOT = Path(__file__).parents[2]
EXAMPLE = "```python\nprint(1 + 1)\n```\n"
# What the tests are said to have run, beside the sections of the clean module.
RAN = ("print(1 + 1)", "2", "double(2)", "x = 1", "def f():\n    return 1")
SETTINGS = """
INHERIT: {root}/mkdocs.yml
nav: null
strict: false
watch: []
theme: {{custom_dir: {root}/overrides}}
"""
WHOLE = "# --8<-- [start:whole]\nx = 1\n# --8<-- [end:whole]\n"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
DRAWING = """
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><title>A line</title>
<desc>It rises.</desc><path d="M0 0L9 9" fill="none" stroke="#0072b2"/></svg>
"""


def show(name: str, *sections: str) -> str:
    """The listings of a module that stands beside a page of the same name."""
    return "".join(
        f'```python\n--8<-- "src/toy/planted/{name}.py:{section}"\n```\n\n' for section in sections
    )


@dataclass(frozen=True)
class Planted:
    """A defect.

    Attributes:
        says: Words of the one problem that it is.
        page: What its page says below the title.
        module: A module beside the page.
        drawing: Whether there is a figure beside the page.
        change: What is replaced in the built page, and by what.
        strict: Whether a strict build sees it too.
        title: How the page begins.
    """

    says: str
    page: str = ""
    module: str = ""
    drawing: bool = False
    change: tuple[str, str] = ("", "")
    strict: bool = False
    title: str = "# Planted\n\nSome words.\n\n"


CONTROL = r"""---
description: Every construct that a page may have.
---

# Whole

Words, *words*, **words**, `code`, "quotations", 3 * 4, a ** b, $5 and $10, [a link](#more "Title").
Inline code may have anything: `$x$`, `**bold**`, `[a](b)`, `{.cls}`, `|---|`, `!!! note`, `[^1]`,
`` ``` ``, `::: module`, `--8<-- "a.py:b"`, `\frac`, `<pad>`, `&amp;`, `TODO`, `- item`.
See [the start](index.md), [softmax](https://example.org/softmax), <https://example.org>
and [a paper](https://example.org/a_(b)).
A formula $\frac{1}{2} \sum_{i=1}^n x_i^2 \text{ if } [a](b)$ in a line[^1].
What is 1 < 2 > 1, and -1 - 2? One – two – three. A set {1, 2}. An e-mail: <someone@example.org>.

[^1]: A footnote with `code`.

$$
\begin{aligned} a &= b \\ c &= d \end{aligned}
$$

## More {#more}

```python
--8<-- "src/toy/whole.py:whole"
```

```python
--8<-- "src/toy/whole.py:double"
```

```python title="a.py" hl_lines="1" linenums="1"
print(1 + 1)
```

```output
2
```

![A line](whole.svg)

```console
$ make site
it serves
```

```text
[a](b) **c** $d$ [^1] pizza = dough + cheese
  !!! note
```

````markdown
```python
x = 3
```

;--8<-- "src/toy/whole.py:whole"
````

```yaml
a: 1  # no Python
```

1. One

    ```python
    print(1 + 1)
    ```

    ```output
    2
    ```

2. Two
    - Three
    - Four

| a | b |
|---|--:|
| `c|d` | 1 |

Term
:   Its definition.

!!! note "A note with `code` and $x$"

    Words.

    === "One"

        ```python
        print(1 + 1)
        ```

    === "Two"

        Words.

??? question "Exercise"

    Words.

    ??? success "Solution"

        ```python
        print(1 + 1)
        ```

        ```output
        2
        ```

### Deeper

<div class="box" markdown>
Some **words** in a box, and a picture.
![A dot](assets/pixel.png){ width="10" }
</div>

> A quotation[^1].

<!-- A comment: TODO, **x**, [a](b). -->
"""
REFERENCE = """# Reference

::: toy.whole
"""
FUNCTIONS = '''x = 1


def quoted() -> None:
    """Do.

    >>> 1 + 1
    2
    """


def not_run() -> None:
    """Do.

    Examples:
        >>> 1 + 2
        3
    """


def changed(times: int = 1) -> int:
    """Do."""
    return 777


def fenced() -> None:
    """Do.

    ```python
    print(3)
    ```
    """
'''
MODULE = '''# --8<-- [start:whole]
"""A module."""

from dataclasses import dataclass

BLUE: str = "#0072b2"
"""A colour."""


@dataclass(frozen=True)
class Box:
    """A box.

    Attributes:
        width: How wide.
    """

    width: int

    @property
    def area(self) -> int:
        """Its area, `width` squared."""
        return self.width**2


# --8<-- [end:whole]
# --8<-- [start:double]
def double(x: int = 1, *, times: "int | None" = None) -> int:
    """Double a number.

    Args:
        x: The number.
        times: How often.

    Raises:
        ValueError: If it is odd.

    Examples:
        >>> double(2)
        4

    Source: nobody 2017, section 1.
    """
    return 2 * x


# --8<-- [end:double]
'''


PLANTED = {
    # Python that no test ran
    "not_run": Planted("Python that no test ran: 'x = 2'", "```python\nx = 2\n```"),
    "other_name": Planted("Python that no test ran", "```py\nx = 2\n```"),
    "python_3": Planted("Python that no test ran", "```python3\nx = 2\n```"),
    "attributes": Planted("Python that no test ran", "```{.python .no-run}\nx = 2\n```"),
    "with_line_numbers": Planted(
        "Python that no test ran", '```python title="a.py" linenums="1"\nx = 2\n```'
    ),
    "prompts": Planted("Python that no test ran", "```pycon\n>>> 1 + 1\n2\n```"),
    "prompts_in_text": Planted("Python that no test ran", "```text\n>>> 1 + 1\n2\n```"),
    "prompts_in_console": Planted(
        "Python that no test ran", "```console\n$ python\n>>> 1 + 1\n2\n```"
    ),
    "raw_html": Planted(
        "Python that no test ran", '<pre><code class="language-python">x = 2\n</code></pre>'
    ),
    "as_text": Planted("Python that no test ran", "```text\nimport os\n\nos.getcwd()\n```"),
    "as_data": Planted("Python that no test ran", "```yaml\nimport os\n```"),
    "as_line_numbers": Planted("Python that no test ran", "```{.python .linenodiv}\nx = 2\n```"),
    "lost_language": Planted("Python that no test ran", "```\nfor x in range(2):\n    x\n```"),
    "misspelt_python": Planted("Python that no test ran", "```pyhton\nprint(2)\n```"),
    "indented": Planted("Python that no test ran", "Text:\n\n    print(2)\n"),
    "in_a_fold": Planted(
        "Python that no test ran",
        "??? tip\n\n    - Item\n\n        ```python\n        x = 2\n        ```\n",
    ),
    "one_letter_changed": Planted(
        "Python that no test ran: 'print(1 + 2)'", EXAMPLE.replace("+ 1", "+ 2")
    ),
    "typed_output": Planted(
        "text right under an example, as if it were its output", f"{EXAMPLE}\n\n```text\n3\n```"
    ),
    "output_not_compared": Planted(
        "an output that no test compared: '3'", f"{EXAMPLE}\n\n```output\n3\n```"
    ),
    "changed_after_the_build": Planted(
        "Python that no test ran",
        EXAMPLE,
        change=('<span class="mi">1</span>', '<span class="mi">3</span>'),
    ),
    # The API reference
    "docstring_not_run": Planted(
        "Python that no test ran: '>>> 1 + 2 3'", "::: toy.functions.not_run"
    ),
    "source_changed": Planted(
        "source that is not in src", "::: toy.functions.changed", change=(">777<", ">778<")
    ),
    "docstring_quoted": Planted("a prompt that became a quotation", "::: toy.functions.quoted"),
    "docstring_fence": Planted("Python that no test ran: 'print(3)'", "::: toy.functions.fenced"),
    "not_a_source": Planted(
        "source that is not in src",
        '<details class="mkdocstrings-source" markdown><summary>A</summary>\n\n'
        "```python\nx = 2\n```\n\n</details>",
    ),
    "not_a_signature": Planted(
        "a signature of nothing in src", "```{.python .doc-signature}\nnowhere(x: int) -> int\n```"
    ),
    "signature_default": Planted(
        "a signature of nothing in src",
        "```{.python .doc-signature}\nchanged(times: int = 2) -> int\n```",
    ),
    "signature_argument": Planted(
        "a signature of nothing in src",
        "```{.python .doc-signature}\nchanged(tries: int = 1) -> int\n```",
    ),
    "code_as_signature": Planted(
        "a signature of nothing in src", "```{.python .doc-signature}\ng(1, 2)\n```"
    ),
    # Blocks that do not say what they are, or wrongly
    "no_language": Planted("a block that does not say what it is", "```\nplain words\n```"),
    "indented_text": Planted("a block that does not say what it is", "Text:\n\n    plain words\n"),
    "raw_pre": Planted("a block that does not say what it is", "<pre>plain words</pre>"),
    "misspelt": Planted("a block in `yamll`, a language that is not known", "```yamll\na: 1\n```"),
    "shell": Planted("commands marked `bash`, expected `console`", "```bash\nmake site\n```"),
    "shell_session": Planted(
        "commands marked `shell-session`, expected `console`", "```shell-session\n$ make\n```"
    ),
    "mermaid": Planted("a block in `mermaid`", "```mermaid\ngraph LR\n```"),
    "raw_mermaid": Planted("a mermaid diagram", '<div class="mermaid">graph LR</div>'),
    "empty_python": Planted("an empty block of code", "```python\n```"),
    "empty_output": Planted("an empty block of code", EXAMPLE + "\n```output\n\n```"),
    "lost_output": Planted(
        "an output that does not follow its example", EXAMPLE + "\nWords.\n\n```output\n2\n```"
    ),
    "second_output": Planted(
        "an output that does not follow its example",
        EXAMPLE + "\n```output\n2\n```\n\n```output\n2\n```",
    ),
    "output_of_commands": Planted(
        "an output that does not follow its example", "```console\n$ ls\n```\n\n```output\n2\n```"
    ),
    "output_outside_of_the_fold": Planted(
        "an output that does not follow its example",
        "??? tip\n\n    ```python\n    print(1 + 1)\n    ```\n\n```output\n2\n```",
    ),
    # Snippets
    "unquoted": Planted(
        "a snippet marker left visible", "```python\n--8<-- src/toy/whole.py:whole\n```"
    ),
    "trailing_space": Planted(
        "a snippet marker left visible", '```python\n--8<-- "src/toy/whole.py:whole" \n```'
    ),
    "snippet_in_prose": Planted(
        "Markdown left visible, a snippet marker", "--8<-- src/toy/whole.py:whole"
    ),
    "by_line": Planted("not a named section", '```python\n--8<-- "src/toy/functions.py:1:1"\n```'),
    "whole_file": Planted("not a named section", '```yaml\n--8<-- "docs/planted/list.yml"\n```'),
    "several_lines": Planted(
        "not a named section", "```yaml\n--8<--\ndocs/planted/list.yml\n--8<--\n```"
    ),
    # Sections of modules
    "no_end": Planted(
        "a section without its end: 'a'", show("no_end", "a"), "# --8<-- [start:a]\nx = 1\n"
    ),
    "no_end_before_the_next": Planted(
        "a section without its end: 'a'",
        show("no_end_before_the_next", "whole"),
        "# --8<-- [start:a]\n" + WHOLE,
    ),
    "two_starts": Planted(
        "a section that starts twice: 'whole'", show("two_starts", "whole"), WHOLE + WHOLE
    ),
    "wrong_end": Planted(
        "the end of a section that is not open: 'b'",
        show("wrong_end", "a"),
        "# --8<-- [start:a]\nx = 1\n# --8<-- [end:b]\n",
    ),
    "misspelt_marker": Planted(
        "expected `# --8<-- [start:name]`",
        show("misspelt_marker", "whole"),
        WHOLE + "# --8<-- [begin:a]\n",
    ),
    "inside_a_function": Planted(
        "expected `# --8<-- [start:name]`",
        show("inside_a_function", "whole"),
        WHOLE.replace("x = 1", "def f():\n    # --8<-- [start: b]\n    return 1"),
    ),
    "not_shown": Planted(
        "a section that no page shows: 'b'",
        show("not_shown", "whole"),
        WHOLE + "# --8<-- [start:b]\ny = 1\n# --8<-- [end:b]\n",
    ),
    "line_left_out": Planted(
        "a line in no section: 'y = 1'", show("line_left_out", "whole"), WHOLE + "y = 1\n"
    ),
    "uncut": Planted("a module with a page, but without sections", module="x = 1\n"),
    # Markdown left visible
    "unclosed_fence": Planted("left visible, a fence or a backtick", "```python\nprint(1 + 1)\n"),
    "swallowed_fence": Planted("a fence left visible in a block", f"```yaml\na: 1\n\n{EXAMPLE}\n"),
    "inline_fence": Planted("a fence that became inline code", "Text ```python\nx = 2\n``` text"),
    "code_in_a_sentence": Planted(
        "a fence that became inline code", "Text <code>x = 2<br>y = 3</code> text"
    ),
    "lone_backtick": Planted("left visible, a fence or a backtick", "The `function runs."),
    "undefined_footnote": Planted("left visible, an undefined footnote", "Text.[^nowhere]"),
    "admonition": Planted("left visible, an admonition", "- Item\n\n  !!! note\n      Text.\n"),
    "tab": Planted("left visible, a tab", "=== One\n\nText.\n"),
    "link_in_two": Planted("left visible, a link", "See [the page] (index.md)."),
    "undefined_link": Planted("left visible, a link", "See [the page][nowhere].", strict=True),
    "attribute_list": Planted("left visible, attributes", "Some words {.wide} here."),
    "spaced_formula": Planted("left visible, TeX", "Here $ x^2 $ is a square."),
    "lone_formula": Planted("left visible, TeX", "Here is $$ x^2"),
    "tex_command": Planted("left visible, TeX", "Here \\frac is TeX."),
    "bold": Planted("left visible, bold", "Some **words ** here."),
    "directive": Planted("left visible, a directive", "Words ::: toy.whole"),
    "table": Planted("left visible, a table", "Words.\n| a | b |\n|---|---|\n| 1 | 2 |\n"),
    "list_without_a_blank_line": Planted("left visible, a list", "Words:\n- one\n- two\n"),
    "markdown_in_html": Planted("left visible, a heading", "<div>\n## Heading\n</div>"),
    "icon": Planted("left visible, an icon", "Look :material-eye: here."),
    "html_as_text": Planted("left visible, HTML", "Some &lt;b&gt;words&lt;/b&gt; here."),
    "abbreviation": Planted("left visible, a definition", "Words.\n\n*[BPE]: pairs of bytes"),
    "struck_out": Planted("left visible, a fence", "Some ~~~words~~~ here."),
    "marked_text": Planted("left visible, marked text", "Some ==words== here."),
    "character": Planted("left visible, a character's name", "Some&amp;nbsp;words."),
    "template": Planted("left visible, a template", "Version {{ version }}."),
    "front_matter": Planted(
        "left visible, front matter", title="---\ndescription: a\n\n# Planted\n\nWords.\n"
    ),
    # Maths
    "tex_stayed": Planted("a formula that stayed TeX", '<div class="arithmatex">\\[x\\]</div>'),
    "formula_error": Planted("a formula with an error", "<math><merror>x</merror></math>"),
    # Links
    "dead_link": Planted("a dead link: 'nowhere/'", '<a href="nowhere/">a</a>'),
    "dead_anchor": Planted("a dead anchor: '#nowhere'", '<a href="#nowhere">a</a>'),
    "dead_anchor_elsewhere": Planted(
        "a dead anchor: '../../#nowhere'", '<a href="../../#nowhere">a</a>'
    ),
    "dead_image": Planted("a dead link: 'a.png'", '<img src="a.png" alt="a">'),
    "dead_source_set": Planted(
        "a dead link: 'b.png'",
        '<img src="../../assets/pixel.png" srcset="../../assets/pixel.png 1x, b.png 2x" alt="a">',
    ),
    "absolute_link": Planted("an absolute link", '<a href="/planted/">a</a>'),
    "link_to_a_source": Planted("a link to a source", '<a href="index.md">a</a>'),
    "link_to_nothing": Planted("a link that leads nowhere", '<a href="">a</a>'),
    "link_to_a_script": Planted("a link that runs a script", '<a href="javascript:a()">a</a>'),
    "same_id": Planted("an id that is there 2 times: 'a'", "## One {#a}\n\n## Two {#a}\n\nWords."),
    # Requests that leave the site
    "image_elsewhere": Planted("leaves the site", '<img src="https://example.org/a.png" alt="a">'),
    "frame_elsewhere": Planted("leaves the site", '<iframe src="//example.org/"></iframe>'),
    "style_elsewhere": Planted(
        "leaves the site", "<p style=\"background: url('https://example.org/a')\">a</p>"
    ),
    "script_elsewhere": Planted(
        "leaves the site",
        change=("</body>", '<script src="https://example.org/a.js"></script></body>'),
    ),
    "font_elsewhere": Planted(
        "leaves the site",
        change=("</head>", '<link rel="preconnect" href="https://example.org"></head>'),
    ),
    # Figures
    "no_words": Planted("an image without words", "![](../assets/pixel.png)"),
    "not_drawn": Planted("an image that no code draws", "![A dot](pixel.png)"),
    "not_inlined": Planted(
        "a figure that is not in the page",
        '![A line](not_inlined.svg)\n\n<object data="../not_inlined.svg">a</object>',
        drawing=True,
    ),
    "not_on_a_page": Planted("a figure that no page shows", drawing=True),
    "commented_out": Planted(
        "a figure that no page shows", "<!-- ![A line](commented_out.svg) -->", drawing=True
    ),
    "literal_colour": Planted(
        "a literal colour, the same in both themes: 'stroke: #0072b2'",
        "![A line](literal_colour.svg)",
        drawing=True,
        change=('"var(--fig-blue)"', '"#0072b2"'),
    ),
    "named_colour": Planted("a literal colour", '<p style="color: red">a</p>'),
    "no_description": Planted(
        "a drawing without <desc>",
        "![A line](no_description.svg)",
        drawing=True,
        change=("It rises.", ""),
    ),
    "no_role": Planted(
        "a drawing without role=img",
        "![A line](no_role.svg)",
        drawing=True,
        change=('role="img"', ""),
    ),
    "map_without_name": Planted(
        "a drawing with links, but not a group with a name",
        '<svg role="group"><a href="../../whole/"><text>Map</text></a></svg>',
    ),
    # The page as a whole
    "no_title": Planted("no title", change=("<title>Planted - Glassformer</title>", "")),
    "no_language_of_text": Planted("no language of its text", change=('lang="en" ', "")),
    "no_heading": Planted("got none: the theme made one", title="Some words.\n"),
    "two_headings": Planted("one heading of the first level, got 2", "# Another\n\nWords."),
    "skipped_level": Planted("a heading that skips a level, from 1 to 3", "### Deep\n\nWords."),
    "empty_heading": Planted("an empty heading of level 2", "<h2></h2>"),
    "empty_page": Planted("an empty page", title="# Planted\n"),
    "script": Planted("a script in the text", "<script>a()</script>"),
    "handler": Planted("a script in an attribute", '<b onclick="a()">a</b>'),
    "lost_word": Planted("an element that HTML does not know: '<pad>'", "The <pad></pad> token."),
    "unbalanced": Planted("HTML that is not balanced: '<div>'", "<div>words"),
    "empty_note": Planted("a box without content", "!!! note\n\nText.\n"),
    "empty_fold": Planted("a box without content", '??? tip "Hint"\n\nText.\n'),
    "empty_tab": Planted("a box without content", '=== "One"\n\n=== "Two"\n\n    Text.\n'),
    "number_not_counted": Planted(
        "a number that is not counted", 'We have <b data-count="pages">7</b> pages.'
    ),
    "todo": Planted("unfinished, TODO", "TODO: the proof."),
    "lorem": Planted("unfinished, Lorem ipsum", "Lorem ipsum dolor."),
}


def recorded(*keys: str) -> str:
    """What a run of the tests leaves behind, in which some code passed."""
    return json.dumps({"keys": keys, "versions": {}})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project: pages without a defect, and a page for each defect."""
    root = tmp_path_factory.mktemp("project")
    files = {
        "mkdocs.yml": SETTINGS.format(root=ROOT),
        "docs/index.md": "# Start\n\nSome words.\n",
        "docs/whole.md": CONTROL,
        "docs/whole.svg": clean(DRAWING, "whole"),
        "docs/reference.md": REFERENCE,
        "docs/glossary.md": "# Words\n\nconstruct\n:   On a page.\n    [Start](index.md)\n",
        "docs/planted/list.yml": "- 1\n",
        "src/toy/__init__.py": "",
        "src/toy/whole.py": MODULE,
        "src/toy/functions.py": FUNCTIONS,
        "src/toy/planted/__init__.py": "",
        ".literate/passed/1.json": recorded(*map(key, RAN)),
        ".literate/passed/2.json": recorded(*(s.key for s in cut(MODULE.split("\n"))[0])),
    }
    for name, planted in PLANTED.items():
        files[f"docs/planted/{name}.md"] = planted.title + planted.page + "\n"
        if planted.module:
            files[f"src/toy/planted/{name}.py"] = planted.module
        if planted.drawing:
            files[f"docs/planted/{name}.svg"] = clean(DRAWING, name)
    shutil.copytree(ROOT / "docs" / "assets", root / "docs" / "assets")
    write(root, files)
    for folder in ("assets", "planted"):
        (root / "docs" / folder / "pixel.png").write_bytes(PIXEL)
    return root


@pytest.fixture(scope="module")
def log(root: Path) -> str:
    """What the build of the site said."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build"],
        check=True,
        cwd=root,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.stdout


@pytest.fixture(scope="module")
def problems(root: Path, log: str) -> list[str]:  # noqa: ARG001 - the site is there after the build
    """What the audit says of the site."""
    for name, planted in PLANTED.items():
        path = root / "site" / "planted" / name / "index.html"
        html = path.read_text(encoding="utf-8")
        old, new = planted.change
        assert old in html, f"{name}: {old} is not in its page"
        path.write_text(html.replace(old, new, 1) if old else html, encoding="utf-8")
    return audit(load(root / "site", root))


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_found(name: str, problems: list[str]) -> None:
    """Each defect is one problem, on its own page, in words that say what it is."""
    found = [problem for problem in problems if re.search(rf"\bplanted/{name}[./]", problem)]
    assert len(found) == 1, found
    assert PLANTED[name].says in found[0]


def test_nothing_else_is_found(problems: list[str]) -> None:
    """A page with every construct that is allowed, its module and its reference have no problem."""
    assert [problem for problem in problems if "planted/" not in problem] == []


def test_a_problem_has_its_line(problems: list[str]) -> None:
    """A problem names the page and, where that can be known, the line of its source."""
    (found,) = (problem for problem in problems if "planted/not_run/" in problem)
    assert found.startswith("planted/not_run/index.html (docs/planted/not_run.md:6): ")


def test_what_a_strict_build_sees(log: str) -> None:
    """The audit is needed: a strict build warns of none of these but the ones that say so."""
    warned = {name for name in PLANTED if f"planted/{name}.md" in log}
    assert warned == {name for name, planted in PLANTED.items() if planted.strict}


PAGE = """
<html lang="en"><head><title>A</title><link rel="stylesheet" href="a.css"></head>
<body><article><h1 id="a">A</h1><p>Words.</p></article></body></html>
"""
SITE = {
    "site/index.html": PAGE,
    "site/a.css": "a { color: red }",
    ".literate/passed/1.json": recorded(),
}
OF_THE_SITE = {
    "a page that no link leads to": {"site/b/index.html": PAGE.replace("a.css", "../a.css")},
    "a.css: a request that leaves the site": {"site/a.css": "@import 'https://example.org/b.css'"},
    "a.css: a dead link: 'b.woff2'": {"site/a.css": "@font-face { src: url(b.woff2) }"},
    "a section that no page shows": {"src/toy/a.py": WHOLE},
    "docs/a.svg: a figure that no page shows": {"docs/a.svg": "<svg></svg>"},
    "HTML that is not balanced: '</p>'": {"site/index.html": PAGE.replace("Words.", "</p>Words.")},
}


def write(root: Path, files: dict[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def test_a_site_without_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command succeeds, and says how much it looked at."""
    write(tmp_path, SITE)
    monkeypatch.chdir(tmp_path)
    assert main(["site"]) == 0
    assert capsys.readouterr().out == "audit: 1 pages, 0 blocks, 0 problems\n"


@pytest.mark.parametrize("says", OF_THE_SITE)
def test_problems_of_no_single_page(
    says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Style sheets, pages that nothing leads to, and what no page shows; the command fails."""
    write(tmp_path, SITE | OF_THE_SITE[says])
    assert main([str(tmp_path / "site"), "--root", str(tmp_path)]) == 1
    *problems, summary = capsys.readouterr().out.splitlines()
    assert [says in problem for problem in problems] == [True]
    assert summary.endswith(", 1 problems")


def test_without_a_record_of_the_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is taken on trust: without a record of what ran the audit fails, in one line."""
    code = PAGE.replace("Words.", '</p><pre><code class="language-python">1</code></pre><p>Words.')
    write(tmp_path, SITE | {"site/index.html": code})
    (tmp_path / ".literate/passed/1.json").unlink()
    assert main([str(tmp_path / "site"), "--root", str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith("no record of a run of the tests: run pytest\naudit:")


def test_without_a_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder is no site without problems."""
    assert main([str(tmp_path)]) == 1
    assert "expected a built site, got no page in" in capsys.readouterr().err


def test_a_dataclass_made_from_another_has_the_fields_of_both(tmp_path: Path) -> None:
    """Its head, as the reference shows it, begins with the fields of the class below it."""
    module = tmp_path / "boxes.py"
    module.write_text(
        "class Box:\n    width: int\n\nclass Tall(toy.Box):\n    height: int = 2\n",
        encoding="utf-8",
    )
    found = heads((module,))
    assert ("Tall", (("width", ""), ("height", "2"))) in found
    assert ("Box", (("width", ""), ("height", "2"))) not in found
