"""Let a page fetch the search index when a reader turns to the search, not whenever a page opens.

The index holds the text of the whole site: most of what a first visit would cost, and of what a
phone would compute. Material's script waits for the reader only where a page is read from a disk.
"""

from literate.publish.site import Site

EAGER = 'location.protocol!=="file:"'


def defer(site: Site) -> None:
    """Change the one place in Material's script that says when to fetch the index.

    Raises:
        ValueError: If the script, of another version, has no such place, or several.
    """
    for bundle in site.folder.glob("assets/javascripts/bundle.*.min.js"):
        text = bundle.read_text(encoding="utf-8")
        if text.count(EAGER) != 1:
            raise ValueError(f"expected {EAGER} once in {bundle}, got {text.count(EAGER)}")
        bundle.write_text(text.replace(EAGER, "!1"), encoding="utf-8")
