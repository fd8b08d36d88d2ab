"""Sets the project up and runs it. `make NAME` is short for `python tasks.py NAME`.

    python tasks.py site            build the site and serve it at http://localhost:8000
    python tasks.py test            all that CI runs: `check`, then the site in a real browser
    python tasks.py check [STEP..]  lint, types, tests and pages, the built site; or some of it
    python tasks.py build           build the site strictly, into site/

    python tasks.py serve           the site while you write: reloads when a file changes
    python tasks.py page PAGE       run one page and print what it prints
    python tasks.py update [PAGE]   rewrite the outputs and figures of a page, or of all
    python tasks.py bench [NAME]    run benchmarks/NAME.py, or all of them

    python tasks.py zensical        build it with Material's successor, into site-zensical/

    python tasks.py setup [site]    only install: all, or what the site alone needs
    python tasks.py lock            write constraints.txt anew, with today's versions

It needs Python 3.11 or newer and nothing else, on Linux, macOS and Windows. PORT=8001 in the
environment serves at another port, CHROMIUM=/path/to/chrome names the browser of `test`.

Each command first installs what it needs into .venv: `site`, `build` and `serve` the group `site`
of pyproject.toml (neither torch nor NumPy), all others the group `test`; at the versions and hashes
of constraints.txt, and our own package after them, editable and without dependencies. torch has no
hash there, as its builds differ by machine: it is installed first and alone. What has been
installed is noted in .venv/installed.txt, so that a second call installs nothing.
"""

import sys

PYTHON_FOUND = f"this is {sys.version.split()[0]} ({sys.executable})"
PYTHON_OTHER = "Name another one: make PYTHON=python3.13 ..., or python3.13 tasks.py ..."
if sys.version_info < (3, 11):  # Before anything that an old Python does not have.
    sys.exit(f"Glassformer needs Python 3.11 or newer; {PYTHON_FOUND}. {PYTHON_OTHER}")

import argparse
import functools
import hashlib
import http.server
import inspect
import json
import os
import re
import shutil
import subprocess
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
CONSTRAINTS = ROOT / "constraints.txt"
INSTALLED = VENV / "installed.txt"
SITE = ROOT / "site"

TORCH = "torch==2.13.0"
# On Linux the ordinary index has torch with gigabytes of CUDA; the others get the CPU build there.
TORCH_INDEX = ["--index-url", "https://download.pytorch.org/whl/cpu", "--retries", "1"]

ENVIRONMENT = {
    # Pages run side by side, each on one thread, and print the same on any machine.
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    # Material's banner about MkDocs 2, which pyproject.toml keeps away.
    "NO_MKDOCS_2_WARNING": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PYTHONUTF8": "1",
}


# Running


def python(*arguments: str | Path, **environment: str) -> bool:
    """Run the Python of .venv; return whether it succeeded."""
    sys.stdout.flush()
    command = [str(PYTHON), *map(str, arguments)]
    everything = {**os.environ, **ENVIRONMENT, **environment}
    return subprocess.run(command, cwd=ROOT, env=everything, check=False).returncode == 0


def module(*arguments: str | Path, **environment: str) -> None:
    """Run a module of .venv as a program; stop with its failure."""
    if not python("-m", *arguments, **environment):
        sys.exit(1)


def say(text: str) -> None:
    """Print a line that stands out from what the tools print."""
    print(f"\n== {text}", flush=True)


# Setting up


def fingerprint() -> str:
    """Digest all that determines an installation; another digest means another installation."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tables = [project["build-system"], project["project"], project["dependency-groups"]]
    parts = [sys.version, str(ROOT), TORCH, json.dumps([tables, project["tool"]["hatch"]])]
    return hashlib.sha256("\n".join(parts).encode() + CONSTRAINTS.read_bytes()).hexdigest()


def set_up(group: str = "test") -> None:
    """Install a group of dependencies and our own package, unless that has been done."""
    if group not in {"site", "test"}:
        sys.exit(f"expected the group 'site' or 'test', got {group!r}")
    if group == "test" and sys.version_info >= (3, 15):
        sys.exit(f"{TORCH} needs Python 3.11 to 3.14; {PYTHON_FOUND}. {PYTHON_OTHER}")
    digest = fingerprint()
    note = INSTALLED.read_text(encoding="utf-8") if INSTALLED.exists() else ""
    if note in {f"{group} {digest}", f"test {digest}"}:
        return
    start = time.monotonic()
    INSTALLED.unlink(missing_ok=True)  # Whatever interrupts the installation, no note is left.
    make_environment()
    if group == "test":
        install_torch()
    say(f"Installing the group {group!r} of pyproject.toml at the versions of constraints.txt")
    install("--require-hashes", "-c", CONSTRAINTS, "--group", group)
    # Its builder is in the group, so that pip fetches none that is not pinned.
    install("--no-build-isolation", "--no-deps", "--editable", ".")
    if group == "test":
        module("pip", "check")
    unfinished = INSTALLED.with_suffix(".unfinished")
    unfinished.write_text(f"{group} {digest}", encoding="utf-8")
    unfinished.replace(INSTALLED)
    say(f"Installed in {time.monotonic() - start:.0f} s")


def make_environment() -> None:
    """Make .venv, anew if it is another Python's, with the pinned pip."""
    say(f"Making {VENV} with Python {sys.version.split()[0]}")
    settings = VENV / "pyvenv.cfg"
    text = settings.read_text(encoding="utf-8") if settings.exists() else ""
    minor = re.escape(".".join(map(str, sys.version_info[:2])))
    ours = re.search(rf"^version\S* = {minor}\.", text, re.MULTILINE)
    command = [sys.executable, "-m", "venv", *([] if ours else ["--clear"]), str(VENV)]
    if subprocess.run(command, check=False).returncode:
        sys.exit(f"{sys.executable} could not make {VENV}: see the lines above.")
    # An older pip takes hashes from a requirement file alone, and no dependency groups.
    requirement = VENV / "pip.txt"
    requirement.write_text(pin("pip"), encoding="utf-8")
    install("--require-hashes", "-r", requirement)


def pin(package: str) -> str:
    """Cut a package's version and hashes out of constraints.txt."""
    text = CONSTRAINTS.read_text(encoding="utf-8")
    lines = re.search(rf"^{package}==(.*\\\n)*.*\n", text, re.MULTILINE)
    if lines is None:
        sys.exit(f"expected a line '{package}==...' in constraints.txt, got none")
    return lines[0]


def install_torch() -> None:
    """Install torch without its dependencies; they are pinned with all others."""
    say(f"Installing {TORCH}, the build for CPUs")
    index = TORCH_INDEX if sys.platform == "linux" else []
    if not python("-m", "pip", "install", "--no-deps", *index, TORCH):
        by_hand = f"{PYTHON} -m pip install --no-deps YOUR_BUILD_OF_TORCH_2.13.0"
        sys.exit(f"{TORCH} could not be installed. Do it by hand, then try again: {by_hand}")


def install(*arguments: str | Path) -> None:
    """Install with the pip of .venv; stop with its failure."""
    module("pip", "install", "--quiet", "--quiet", *arguments)


# Commands


def site() -> None:
    """Build the site strictly and serve it; the port is claimed first, as a build takes seconds."""
    with server(port()) as listening:
        build()
        say(f"The site is at http://localhost:{port()} (stop with Ctrl+C)")
        listening.serve_forever()


def build() -> None:
    """Build the site; a warning is an error."""
    if not build_site():
        sys.exit(1)


def port() -> int:
    """Return the port to serve at."""
    value = os.environ.get("PORT", "8000")
    if not value.isdecimal() or not 0 < int(value) < 1 << 16:
        sys.exit(f"expected a PORT from 1 to 65535, got {value!r}")
    return int(value)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files quietly; Windows would call scripts plain text."""

    extensions_map = {  # noqa: RUF012 - that is how its base class is told.
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
    }

    def log_message(self, *_: object) -> None:
        """Print nothing about a request."""


class Server(http.server.ThreadingHTTPServer):
    """Refuses a port in use on Windows too, where an address could be taken twice."""

    allow_reuse_address = os.name != "nt"


def server(number: int) -> Server:
    """Listen at a port of this machine."""
    try:
        return Server(("127.0.0.1", number), functools.partial(Handler, directory=str(SITE)))
    except OSError as error:
        sys.exit(f"Port {number} cannot be had ({error.strerror}). Choose another: PORT=8001")


def serve() -> None:
    """Serve the site and rebuild it at each change."""
    server(port()).server_close()  # For its clear message.
    module("mkdocs", "serve", "--dev-addr", f"localhost:{port()}")


def page(path: str) -> None:
    """Run a page and print what it prints."""
    module("literate", "page", path)


def update(*names: str) -> None:
    """Rewrite the outputs and figures of pages; by default of all, and the data of the widgets."""
    if not names and not python("docs/assets/js/widgets/export.py"):
        sys.exit(1)
    module("literate", "update", *names)


def bench(name: str = "*") -> None:
    """Run a benchmark, or all."""
    files = sorted((ROOT / "benchmarks").glob(f"{name}.py"))
    if not files:
        sys.exit(f"expected the name of a file in benchmarks/, got {name!r}")
    for file in files:
        say(f"benchmarks/{file.name}")
        if not python(file):
            sys.exit(1)


def zensical() -> None:
    """Build the same site with Zensical, and complete it; CONTRIBUTING.md says what differs."""
    install("--require-hashes", "-c", CONSTRAINTS, "--group", "zensical")
    folder = f"{SITE.name}-zensical"
    command = ["-m", "zensical", "build", "--clean", "--strict"]
    if not python(*command, SITE_DIR=folder):
        sys.exit(1)
    module("literate", "publish", folder)


def lock() -> None:
    """Write constraints.txt anew: every package of every group, for every system and Python."""
    set_up("site")
    install("--require-hashes", "-c", CONSTRAINTS, "--group", "lock")
    options = "--universal --python-version 3.11 --generate-hashes --upgrade --quiet"
    quiet = "--no-header --no-annotate --no-emit-index-url"
    groups = "--group test --group zensical --group lock --output-file constraints.txt"
    module("uv", "pip", "compile", *f"{options} {quiet} {groups}".split())


# Checking


def check(*names: str) -> None:
    """Run the named steps, or all that need no browser."""
    if not STEPS.keys() >= set(names):
        sys.exit(f"expected steps among {', '.join(STEPS)}, got {' '.join(names)}")
    run_all({name: STEPS[name] for name in names or STEPS})


def test() -> None:
    """Do what `check` does, with the tests that open a browser; then open the built site in it."""
    path = find_browser()
    if path is not None:
        os.environ["CHROMIUM"] = path
    run_all({**STEPS, "browser": browser})


def tests() -> bool:
    """Run every test and every page, side by side on all cores."""
    workers = str(os.cpu_count() or 1)
    chosen = [] if "CHROMIUM" in os.environ else ["-m", "not browser"]
    return python("-m", "pytest", "-n", workers, "--dist", "loadfile", *chosen)


def build_site() -> bool:
    """Build the site strictly, and complete it."""
    built = python("-m", "mkdocs", "build", "--strict")
    return built and python("-m", "literate", "publish", SITE)


def browser() -> bool | None:
    """Open every page of the built site, and search it; without one say so, and fail in CI."""
    done = [python("-m", "literate", command, SITE) for command in ("browser", "search")]
    passed = all(done)
    return passed if "CHROMIUM" in os.environ or not passed else None


STEPS: dict[str, Callable[[], bool | None]] = {
    "lint": lambda: python("-m", "ruff", "check"),
    "format": lambda: python("-m", "ruff", "format", "--check"),
    "spelling": lambda: python("-m", "codespell_lib"),
    "types": lambda: python("-m", "mypy"),
    "tests": tests,
    "build": build_site,
    "audit": lambda: python("-m", "literate", "audit", SITE),
}
NEEDS_SITE = {"audit", "browser"}


def run_all(steps: dict[str, Callable[[], bool | None]]) -> None:
    """Run the steps, each one whatever became of the others; sum up; fail if any failed."""
    verdicts = {True: "passed", False: "FAILED", None: "NOT RUN"}
    lines, failed = [], []
    for name, step in steps.items():
        say(name)
        start = time.monotonic()
        passed = None if name in NEEDS_SITE and "build" in failed else step()
        if passed is False:
            failed.append(name)
        lines.append(f"{name:8} {time.monotonic() - start:6.1f} s  {verdicts[passed]}")
    say("summary")
    print("\n".join(lines))
    if failed:
        sys.exit(f"\nFailed: {', '.join(failed)}")


# The browser


def find_browser() -> str | None:
    """Find a Chrome or Chromium that starts; install one where that is possible."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    for find in (system_browser, playwright_browser, debian_browser):
        path = find()
        if path is not None:
            return path
    return None


def system_browser() -> str | None:
    """Find the machine's own browser."""
    names = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "chrome")
    folders = [os.environ.get(name) for name in ("PROGRAMFILES", "PROGRAMFILES(X86)")]
    paths = [
        *map(shutil.which, names),
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        *(f"{folder}/Google/Chrome/Application/chrome.exe" for folder in folders if folder),
    ]
    return next((path for path in paths if path and starts(path)), None)


def starts(path: str) -> bool:
    """Tell whether a browser starts; on Windows it has no way to say so without a window."""
    if not Path(path).exists() or os.name == "nt":
        return Path(path).exists()
    return subprocess.run([path, "--version"], check=False, capture_output=True).returncode == 0


def playwright_browser() -> str | None:
    """Have Playwright download its Chromium, which takes 150 MB once."""
    say("No browser found: Playwright downloads Chromium")
    if not python("-m", "playwright", "install", "chromium"):
        return None
    ask = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as playwright: print(playwright.chromium.executable_path)"
    )
    answer = subprocess.run([PYTHON, "-c", ask], check=False, capture_output=True, text=True)
    path = answer.stdout.strip()
    return path if path and starts(path) else None


def debian_browser() -> str | None:
    """Install Debian's Chromium, where that needs no password."""
    if not shutil.which("apt-get"):
        return None
    root = os.getuid() == 0
    sudo = [] if root else ["sudo", "-n"]
    if not root and not shutil.which("sudo"):
        return None
    say("Playwright has none for this machine: apt-get installs Chromium")
    for command in (["update", "-qq"], ["install", "-qq", "-y", "chromium"]):
        full = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *command]
        subprocess.run(full, check=False)
    return system_browser()


# Each command with the group that it needs.
COMMANDS: dict[str, tuple[str | None, Callable[..., None]]] = {
    "site": ("site", site),
    "build": ("site", build),
    "serve": ("site", serve),
    "test": ("test", test),
    "check": ("test", check),
    "page": ("test", page),
    "update": ("test", update),
    "bench": ("test", bench),
    "setup": (None, set_up),
    "zensical": ("site", zensical),
    "lock": ("site", lock),
}


def main() -> None:
    """Read the command, set up what it needs, carry it out."""
    parser = argparse.ArgumentParser(
        usage="python tasks.py COMMAND [ARGUMENT]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    parser.add_argument("arguments", nargs="*", metavar="ARGUMENT")
    given = parser.parse_args(sys.argv[1:] or ["--help"])
    group, command = COMMANDS[given.command]
    try:
        inspect.signature(command).bind(*given.arguments)
    except TypeError as error:
        parser.error(f"{given.command}: {error}")
    if group is not None:
        set_up(group)
    command(*given.arguments)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.")
        sys.exit(130)  # As a shell says that Ctrl+C ended a command.
