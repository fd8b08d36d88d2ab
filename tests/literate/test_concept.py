"""Where a concept stands: the map, what it needs and what uses it, its reference."""

import re
from pathlib import Path
from urllib.parse import urljoin

import pytest

from literate.publish.concept import add_concepts
from literate.publish.map import PARTS, PLUS, WIDTH, draw
from literate.publish.reference import link_listings
from literate.publish.site import Page, Site, load

ROOT = Path(__file__).resolve().parents[2]
MODULE = '''"""Masks."""

from glassformer.softmax import softmax


# --8<-- [start:mask]
def mask(T: int) -> int:
    return T


def _hidden() -> None: ...
# --8<-- [end:mask]
'''
PAGES = {
    "index": '# Home\n\n<div class="concept"></div>\n',
    "softmax": "# Softmax\n",
    "embedding": "---\nneeds: [index]\n---\n# Embedding\n",
    "attention/mask": "# Masks\n\n"
    '```python\n--8<-- "src/glassformer/attention/mask.py:mask"\n```\n',
    "model/index": "---\nneeds: [embedding]\n---\n# Models\n\n```python\n"
    "from glassformer.attention.mask import mask\nfrom glassformer.softmax import softmax\n```\n",
    "reference/attention": "# Attention\n",
}
SETTINGS = """site_name: Test
markdown_extensions:
  - pymdownx.highlight: {pygments_lang_class: true}
  - pymdownx.snippets: {base_path: ["{root}"], check_paths: true}
  - pymdownx.superfences
"""
CODE = '<div class="language-python highlight"><pre><code>code</code></pre></div>'


def build(root: Path, pages: dict[str, str]) -> Site:
    """Pages built as far as these steps look at them, in the menu in this order."""
    files = {
        "mkdocs.yml": SETTINGS.replace("{root}", root.as_posix())
        + "nav:\n"
        + "".join(f"  - {name}: {name}.md\n" for name in pages),
        "src/glassformer/attention/mask.py": MODULE,
        "src/glassformer/softmax.py": "",
        **{f"docs/{name}.md": text for name, text in pages.items()},
    }
    for name, text in pages.items():
        url = re.sub(r"(^|/)index/$", r"\1", f"{name}/")
        title = re.search(r"# (.*)", text)
        html = f"<h1>{title and title[1]}</h1>" + CODE * text.count("```python")
        html += "".join(re.findall(r"<div.*</div>", text))
        if name == "reference/attention":
            html += '<h3 id="attention.mask" class="doc doc-heading">mask</h3>'
            html += (
                '<h3 id="glassformer.attention.mask.mask" class="doc doc-heading">m</h3><p>.</p>'
            )
            html += '<h3 id="glassformer.attention.mask.other" class="doc doc-heading">a.o</h3>'
        files[f"site/{url}index.html"] = html
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return load(root / "site", root)


@pytest.fixture
def pages(tmp_path: Path) -> dict[str, Page]:
    """The pages of the small site, completed."""
    site = build(tmp_path, PAGES)
    add_concepts(site)
    link_listings(site)
    return {page.url: page for page in site.pages}


def neighbours(page: Page) -> dict[str, list[tuple[str, str]]]:
    """What the page says that it needs and what uses it: address in the site, and title."""
    found = {}
    for word, links in re.findall(r"<dt>(.*?)</dt>(.*?)</div>", page.html):
        pairs = re.findall(r'<a href="([^"]*)">(.*?)</a>', links)
        root = f"https://site/{page.url}"
        found[word] = [
            (urljoin(root, url).removeprefix("https://site/"), title) for url, title in pairs
        ]
    return found


def test_needs_come_from_imports_and_front_matter(pages: dict[str, Page]) -> None:
    """A module's imports, a page's imports and its front matter, without what others lead to."""
    assert neighbours(pages["attention/mask/"]) == {
        "Needs": [("softmax/", "Softmax")],
        "Used by": [("model/", "Models")],
    }
    # Softmax, which it imports too, is what the masks need.
    assert neighbours(pages["model/"]) == {
        "Needs": [("embedding/", "Embedding"), ("attention/mask/", "Masks")]
    }
    assert neighbours(pages["softmax/"]) == {"Used by": [("attention/mask/", "Masks")]}
    assert neighbours(pages["reference/attention/"]) == {}


@pytest.mark.parametrize("needed", ["model/index", "nowhere"])
def test_a_page_needs_only_what_stands_before_it(tmp_path: Path, needed: str) -> None:
    """A name in the front matter of a later page, or of none, is an error that says so."""
    site = build(tmp_path, PAGES | {"embedding": f"---\nneeds: [{needed}]\n---\n# Embedding\n"})
    with pytest.raises(ValueError, match=f"needs among the pages before it, got \\['{needed}'"):
        add_concepts(site)


def test_the_map_lights_the_page(pages: dict[str, Page]) -> None:
    """Its own part alone is lit; a page of no part has no map."""
    lit = re.findall(r'<a class="lit"[^>]*xlink:href="([^"]*)"', pages["attention/mask/"].html)
    assert lit == ["../../attention/mask/"]
    assert 'aria-current="page"' in pages["attention/mask/"].html
    assert "<svg" not in pages["reference/attention/"].html
    assert pages[""].html.count("<svg") == 1
    assert 'class="lit"' not in pages[""].html


def test_the_parts_of_the_map_do_not_touch() -> None:
    """Each box is within the drawing and clear of the others and of the plus signs."""
    boxes = [(x, y, x + width, y + 24) for x, y, width in (part.box for part in PARTS)]
    boxes += [(x - 10, y - 10, x + 10, y + 10) for x, y in PLUS]
    for i, (left, top, right, bottom) in enumerate(boxes):
        assert 0 <= left < right <= WIDTH
        for other in boxes[i + 1 :]:
            apart = right < other[0] or other[2] < left or bottom < other[1] or other[3] < top
            assert apart, (i, other)


def test_every_concept_is_on_the_map() -> None:
    """Each chapter's pages light a part, and each part leads to a page."""
    docs = ROOT / "docs"
    chapters = ("tokenization", "attention", "position", "block", "model", "insight")
    sources = [path for chapter in chapters for path in (docs / chapter).glob("*.md")]
    for path in [*sources, *(docs / f"{name}.md" for name in ("embedding", "softmax", "logits"))]:
        url = path.relative_to(docs).with_suffix("").as_posix() + "/"
        assert 'class="lit"' in draw(url.replace("/index/", "/"), "./"), url
    for part in PARTS:
        name = docs / part.target.rstrip("/")
        assert name.with_suffix(".md").is_file() or (name / "index.md").is_file(), part


def test_listings_and_reference_lead_to_each_other(pages: dict[str, Page]) -> None:
    """A public function has a link below its listing, and its reference one back to it."""
    page, reference = pages["attention/mask/"].html, pages["reference/attention/"].html
    name = "glassformer.attention.mask.mask"
    assert re.findall(r'href="([^"]*)"><code>', page) == [f"../../reference/attention/#{name}"]
    assert page.index('<span id="listing-mask">') < page.index(CODE)
    assert re.findall(r'class="api">.*?href="([^"]*)"', reference) == [
        "../../attention/mask/#listing-mask"
    ]
    assert reference.index(f'id="{name}"') < reference.index('class="api"')
    assert reference.index('class="api"') < reference.index("<p>.</p>")


def test_a_heading_of_the_reference_breaks_after_a_dot(pages: dict[str, Page]) -> None:
    """On a narrow screen a long name breaks there; its address stays as it is."""
    heading = '<h3 id="glassformer.attention.mask.other" class="doc doc-heading">a.<wbr>o</h3>'
    assert heading in pages["reference/attention/"].html


def test_blocks_that_do_not_match_the_page_are_an_error(tmp_path: Path) -> None:
    """Were a block missing from the HTML, links would stand below the wrong one."""
    site = build(tmp_path, PAGES)
    page = next(page for page in site.pages if page.url == "attention/mask/")
    page.html = page.html.replace(CODE, "")
    with pytest.raises(ValueError, match=r"expected 1 blocks of code in .*, got 0"):
        link_listings(site)
