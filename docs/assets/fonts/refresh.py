"""Make the site's fonts again: fetch four packages from the npm registry, check them, subset them.

Run it with Python 3.11 or newer after `pip install fonttools brotli`:

    python docs/assets/fonts/refresh.py

It writes the .woff2 files and the licences beside itself.
Neither building nor testing the site needs it.
"""

import base64
import hashlib
import io
import tarfile
import urllib.request
from pathlib import Path
from typing import NamedTuple

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

HERE = Path(__file__).parent

# Package, version and what the registry states as its integrity (sha512, base64).
PACKAGES = {
    "inter-ui": (
        "4.1.1",
        "451h0J29HyOmA+JXgSi/6M12tL7ZCZ8arYKZUXiOXTJpJbAKqJvFh3k5SiV3x7tKe0C0KyrKUUiQIvvZ2PQDcA==",
    ),
    "@fontsource-variable/jetbrains-mono": (
        "5.3.0",
        "F32xpS2NsGYoQi2ADSkKTgpJj7ozajsGgDJ8woTnqjmIB+dxDIqImjl4pXZVEExu8UFZ2ndhmX18EBS/hdz3Lw==",
    ),
    "jetbrains-mono": (
        "1.0.6",
        "nVHwukZwQHKEQ3ZP1qlXFyFoUyBnonwrqLQf/ZlsoDPgTHm7T0EL0m1KJQ9U4ghu4emYuSR21uqmZalzNvvoUA==",
    ),
    "@fontsource/stix-two-math": (
        "5.3.0",
        "negoeozw6VSXjZMozwKRSm/dhCQT62csZcuea9I8KYqPaZq/8KbbBBrA02ZHF7AyuR5mVML/p+q0bwFuSIf2GQ==",
    ),
}


LATIN = "20-7E A0-FF 2010-2027 2030-203A 20AC 2212"
# Signs that stand in sentences: arrows, =, roots, sums.
SIGNS = "2190-2193 2208 2211 221A 221E 2248 2260 2264-2265"
# What text and outputs about mathematics need: Latin Extended-A (byte-level tokens have a Ġ too),
# Greek, superscripts, letter-like symbols, arrows, operators, boxes, blocks, shapes, check marks.
SYMBOLS = """100-17F 370-3FF 2032-2033 2070-209C 2102-2124 2190-21FF 2200-22FF 2308-230B 2423
    2500-25FF 2713-2717 27E8-27E9 FFFD"""
# The last line: letters in bold, italic, script, double-struck, Greek in italic; bold digits.
MATHS = """20-7E A0-FF 300-30C 331-338 391-3F6 2010-2027 2032-2037 2057 2061-2064 20D0-20DD
    2102-2135 2190-21D5 2200-22FF 2308-230B 239B-23B3 23DC-23E1 25A0-25CB 27E6-27EF 27F5-27FC
    2A00-2A06 2A7D-2A7E 2AAF-2AB0
    1D400-1D467 1D49C-1D4CF 1D538-1D56B 1D6E4-1D71B 1D7CE-1D7D7"""


class Font(NamedTuple):
    """A font of ours: where it comes from, and what is kept of it."""

    package: str
    path: str
    codes: str
    features: tuple[str, ...]
    axes: dict[str, float | tuple[float, float]] | None = None


TEXT, CODE = ("ccmp", "kern", "mark", "mkmk", "calt", "tnum"), ("ccmp", "mark", "mkmk")
FONTS = {
    "inter.woff2": Font(
        package="inter-ui",
        path="variable/InterVariable.woff2",
        codes=f"{LATIN} {SIGNS}",
        features=TEXT,
        axes={"wght": (400, 700), "opsz": (14, 32)},
    ),
    "inter-symbols.woff2": Font(
        package="inter-ui",
        path="variable/InterVariable.woff2",
        codes=SYMBOLS,
        features=TEXT,
        axes={"wght": 400, "opsz": 14},
    ),
    "inter-italic.woff2": Font(
        package="inter-ui",
        path="variable/InterVariable-Italic.woff2",
        codes=f"{LATIN} {SIGNS}",
        features=TEXT,
        axes={"wght": 400, "opsz": 14},
    ),
    # Without its ligatures: a reader must see `!=` as it is typed.
    "jetbrains-mono.woff2": Font(
        package="@fontsource-variable/jetbrains-mono",
        path="files/jetbrains-mono-latin-wght-normal.woff2",
        codes=LATIN,
        features=CODE,
        axes={"wght": (400, 700)},
    ),
    "jetbrains-mono-symbols.woff2": Font(
        package="jetbrains-mono",
        path="fonts/webfonts/JetBrainsMono-Regular.woff2",
        codes=SYMBOLS,
        features=CODE,
    ),
    # With the MATH table and, through its closure, every stretched variant.
    "stix-two-math.woff2": Font(
        package="@fontsource/stix-two-math",
        path="files/stix-two-math-latin-400-normal.woff2",
        codes=MATHS,
        features=("*",),
    ),
}
LICENCES = {
    "inter-LICENSE.txt": ("inter-ui", "LICENSE.txt"),
    "jetbrains-mono-LICENSE.txt": ("@fontsource-variable/jetbrains-mono", "LICENSE"),
    "stix-two-math-LICENSE.txt": ("@fontsource/stix-two-math", "LICENSE"),
}


def fetch(package: str) -> dict[str, bytes]:
    """Download a package, check its hash, and return its files by path."""
    version, integrity = PACKAGES[package]
    url = f"https://registry.npmjs.org/{package}/-/{package.rpartition('/')[2]}-{version}.tgz"
    with urllib.request.urlopen(url) as response:
        data = response.read()
    found = base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != integrity:
        raise SystemExit(f"{url}: expected sha512 {integrity}, got {found}")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = ((member.name, archive.extractfile(member)) for member in archive)
        return {name.removeprefix("package/"): file.read() for name, file in files if file}


def spread(codes: str) -> list[int]:
    """List the code points of ranges, as in "20-7E A0": both ends included."""
    ends = ((part.split("-")[0], part.split("-")[-1]) for part in codes.split())
    return [code for first, last in ends for code in range(int(first, 16), int(last, 16) + 1)]


def subset(data: bytes, wanted: Font) -> bytes:
    """Keep of a font the code points, layout features and axes that the site uses."""
    font = TTFont(io.BytesIO(data), recalcTimestamp=False)
    options = Options(layout_features=wanted.features, hinting=False, notdef_outline=True)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=spread(wanted.codes))
    subsetter.subset(font)
    if wanted.axes:
        font = instancer.instantiateVariableFont(font, wanted.axes)
    if "MATH" in font:
        tune(font)
    font.flavor = "woff2"
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


def tune(font: TTFont) -> None:
    """Set formulas a little closer to how TeX does, in a font with a MATH table.

    Chromium reserves for every root the room of the widest root sign, which leaves a gap after the
    small ones: so the large ones are made as narrow as the smallest. And the index of a letter
    with a descender (q) hung much lower than that of its neighbour (k).
    """
    table = font["MATH"].table
    table.MathConstants.SubscriptBaselineDropMin.Value = 50  # was 160; as in Computer Modern
    variants = table.MathVariants
    sign = font.getBestCmap()[ord("√")]
    root = variants.VertGlyphConstruction[variants.VertGlyphCoverage.glyphs.index(sign)]
    width, _ = font["hmtx"][sign]
    names = [record.VariantGlyph for record in root.MathGlyphVariantRecord]
    names += [part.glyph for part in root.GlyphAssembly.PartRecords]
    for name in names:
        glyph, (advance, bearing) = font["glyf"][name], font["hmtx"][name]
        if advance > width:
            scale = width / advance
            glyph.coordinates.scale((scale, 1))
            glyph.coordinates.toInt()
            glyph.recalcBounds(font["glyf"])
            font["hmtx"][name] = (width, round(bearing * scale))


def main() -> None:
    """Write every font and licence, and print its size and hash."""
    packages = {name: fetch(name) for name in PACKAGES}
    for name, font in FONTS.items():
        data = subset(packages[font.package][font.path], font)
        (HERE / name).write_bytes(data)
        print(f"{hashlib.sha256(data).hexdigest()}  {name}  {len(data):,} bytes")
    for name, (package, path) in LICENCES.items():
        (HERE / name).write_bytes(packages[package][path])


if __name__ == "__main__":
    main()
