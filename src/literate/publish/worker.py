"""Have the whole site kept by the reader's browser, for when there is no network.

Two scripts do it, which no page needs to be read: `offline.js`, in every page, registers `sw.js`,
at the root of the site, so that it may answer for all of it. Kept is what pages are made of,
neither what is there to be downloaded, nor figures that stand in the HTML of their pages.
"""

import hashlib
import json
import re
from pathlib import Path

from literate.publish.site import Site

HERE = Path(__file__).parent
KEPT = {".css", ".html", ".js", ".json", ".png", ".svg", ".webmanifest", ".woff2"}
IMAGES = {".png", ".svg"}
# Searches in other languages; the browser keeps the worker itself.
LEFT_OUT = ("assets/javascripts/lunr/", "sw.js")
BASE = re.compile(r'"base": "([^"]*)"')


def keep(site: Site) -> None:
    """Write the two scripts, and let every page load the first."""
    (site.folder / "assets/js").mkdir(parents=True, exist_ok=True)
    (site.folder / "assets/js/offline.js").write_bytes((HERE / "offline.js").read_bytes())
    base = "/"
    for page in site.pages:
        root = page.to_root
        if page.url == "404.html":  # It is shown at any address, so it knows the root's.
            found = BASE.search(page.html)
            base = root = f"{found[1].rstrip('/')}/" if found else "/"
        tag = f'<script type="module" src="{root}assets/js/offline.js"></script>\n'
        page.insert(tag, before="</body>")
    text = (HERE / "worker.js").read_text(encoding="utf-8")
    text = text.replace("FILES = {}", f"FILES = {json.dumps(_files(site))}")
    text = text.replace('BASE = "/"', f"BASE = {json.dumps(base)}")
    (site.folder / "sw.js").write_text(text, encoding="utf-8")


def _files(site: Site) -> dict[str, str]:
    """Hash what is kept: assets first, then pages in their order."""
    texts = [page.html for page in site.pages]
    texts += [path.read_text(encoding="utf-8") for path in site.folder.rglob("*.css")]
    pages = {page.path for page in site.pages}
    found = {}
    for path in sorted(site.folder.rglob("*")):
        address = path.relative_to(site.folder).as_posix()
        if path.suffix not in KEPT or path in pages or address.startswith(LEFT_OUT):
            continue
        if path.suffix in IMAGES and not any(path.name in text for text in texts):
            continue
        found[address] = _hash(path.read_bytes())
    return found | {page.url: _hash(page.html.encode()) for page in site.pages}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]
