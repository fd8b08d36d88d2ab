"""Give each page a content-security policy: nothing but what the site itself was built with.

A script or a style that stands in a page runs if it stood there when the site was built: the policy
names each by its hash. Those of all pages stand in every page, because a builder's instant
navigation carries the policy of the first page to the next.
"""

import base64
import hashlib
import html
import re
from collections.abc import Iterable, Iterator

from literate.publish.site import Page, Site

SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL)
STYLE_SHEET = re.compile(r"<style\b[^>]*>(.*?)</style>", re.DOTALL)
STYLE = re.compile(r'<[a-zA-Z][^<>]*?\sstyle="([^"]*)"')
HEAD = '<meta charset="utf-8">'


def restrict(site: Site) -> None:
    """Put the policy at the head of each page.

    Raises:
        ValueError: If a page does not begin as one of the builder's.
    """
    scripts = sorted({script for page in site.pages for script in _scripts(page)})
    sheets = {text for page in site.pages for text in STYLE_SHEET.findall(page.html)}
    styles = {html.unescape(text) for page in site.pages for text in STYLE.findall(page.html)}
    policy = {
        "default-src": ["'none'"],
        "script-src": ["'self'", *_hashes(scripts)],
        # Attributes too need the second word: columns of tables and spaces of formulas have them.
        "style-src": [
            "'self'",
            *(["'unsafe-hashes'"] if styles else []),
            *_hashes(sheets | styles),
        ],
        "img-src": ["'self'", "data:"],  # Material's icons are in its style sheet.
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "worker-src": ["'self'"],
        "manifest-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    content = "; ".join(f"{name} {' '.join(sources)}" for name, sources in policy.items())
    tag = f'<meta http-equiv="Content-Security-Policy" content="{content}">'
    for page in site.pages:
        page.insert(tag, after=HEAD)


def _scripts(page: Page) -> Iterator[str]:
    """The scripts that stand in a page, without its data."""
    for attributes, text in SCRIPT.findall(page.html):
        if "src=" not in attributes and "json" not in attributes:
            yield text


def _hashes(texts: Iterable[str]) -> list[str]:
    """Name texts as a policy does."""
    digests = (hashlib.sha256(text.encode()).digest() for text in sorted(texts))
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
