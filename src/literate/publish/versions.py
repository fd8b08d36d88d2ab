"""The footer of a page with a program says with which versions its code has passed."""

import re
from html import escape

from literate import record
from literate.page import key
from literate.publish.site import Site

FOOTER = '<div class="md-copyright">'


def state(site: Site) -> None:
    """Say it in the footer: from the record of the last run of the tests, else from the pins.

    The options name the packages, `versions`, each by what the footer calls it, and the files that
    pin them, `pins`. When a page passed is said only if the record has all of its code.
    """
    last, pinned = record.read(site.root), _pinned(site)
    for page in site.pages:
        if page.program is None or not page.runs:
            continue
        code = {key(block.source) for block in page.program.blocks if block.runs}
        if last is not None and code <= last.keys:
            said = _listed({"Python": last.versions["python"]} | _named(site, last.versions))
            words = f"The code of this page last passed with {said}."
        elif pinned:
            words = f"The code of this page is tested with {_listed(pinned)}."
        else:
            continue
        page.insert(f'\n  <p class="versions">{words}</p>', after=FOOTER)


def _named(site: Site, versions: dict[str, str]) -> dict[str, str]:
    """The versions of the packages that the options name."""
    names: dict[str, str] = site.options.get("versions", {})
    return {name: versions[found] for name, found in names.items() if found in versions}


def _pinned(site: Site) -> dict[str, str]:
    """The versions that the project's files pin."""
    pins = [site.root / name for name in site.options.get("pins", [])]
    text = "\n".join(path.read_text(encoding="utf-8") for path in pins)
    return _named(site, dict(re.findall(r"\b([\w-]+)==([\w.]+)", text)))


def _listed(versions: dict[str, str]) -> str:
    *most, last = (escape(f"{name} {version}") for name, version in versions.items())
    return f"{', '.join(most)} and {last}" if most else last
