"""Make the site's fonts again: fetch four packages from the npm registry, check them, subset them.

Run it with Python 3.11 or newer after `pip install fonttools brotli`:

    python docs/assets/fonts/refresh.py

It writes the .woff2 files and the licences beside itself. Neither building nor testing the site needs it.
"""

import base64
import hashlib
import io
import tarfile
import urllib.request
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

HERE = Path(__file__).parent
REGISTRY = "https://registry.npmjs.org"

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


def spread(*ranges: tuple[int, int]) -> list[int]:
    """List the code points of ranges, both ends included."""
    return [code for first, last in ranges for code in range(first, last + 1)]


LATIN = spread((0x20, 0x7E), (0xA0, 0xFF), (0x2010, 0x2027), (0x2030, 0x203A), (0x20AC, 0x20AC), (0x2212, 0x2212))
# What text and outputs about mathematics need: Latin Extended-A (Ġ and Ċ of byte-level tokens too),
# Greek, superscripts, letter-like symbols, arrows, operators, boxes, blocks, shapes, check marks.
SYMBOLS = spread(
    (0x100, 0x17F), (0x391, 0x3C9), (0x2032, 0x2033), (0x2070, 0x209C), (0x2102, 0x2124),
    (0x2190, 0x21FF), (0x2200, 0x22FF), (0x2308, 0x230B), (0x2500, 0x259F), (0x25A0, 0x25FF),
    (0x2713, 0x2717), (0x27E8, 0x27E9), (0xFFFD, 0xFFFD),
)  # fmt: skip
MATHS = [
    *spread(
        (0x20, 0x7E), (0xA0, 0xFF), (0x300, 0x30C), (0x331, 0x338), (0x391, 0x3F6),
        (0x2010, 0x2027), (0x2032, 0x2037), (0x2057, 0x2057), (0x2061, 0x2064), (0x20D0, 0x20DD),
        (0x2102, 0x2135), (0x2190, 0x21D5), (0x2200, 0x22FF), (0x2308, 0x230B), (0x239B, 0x23B3),
        (0x23DC, 0x23E1), (0x25A0, 0x25CB), (0x27E6, 0x27EF), (0x27F5, 0x27FC), (0x2A00, 0x2A06),
        (0x2A7D, 0x2A7E), (0x2AAF, 0x2AB0),
    ),  # fmt: skip
    # Mathematical letters: bold, italic, bold italic, script, double-struck, monospace, Greek, digits.
    *spread((0x1D400, 0x1D4CF), (0x1D538, 0x1D56B), (0x1D670, 0x1D755), (0x1D7CE, 0x1D7E1)),
    *spread((0x1D7F6, 0x1D7FF)),
]  # fmt: skip

# Name of ours: package, file in it, code points, what layout features to keep, limits of the axes.
FONTS = {
    "inter.woff2": (
        "inter-ui", "variable/InterVariable.woff2", LATIN + SYMBOLS,
        ["ccmp", "kern", "mark", "mkmk", "calt", "tnum"], {"wght": (400, 700), "opsz": (14, 32)},
    ),
    "inter-italic.woff2": (
        "inter-ui", "variable/InterVariable-Italic.woff2", LATIN + SYMBOLS,
        ["ccmp", "kern", "mark", "mkmk", "calt", "tnum"], {"wght": (400, 700), "opsz": 14},
    ),
    # Without its ligatures: a reader must see `!=` as it is typed.
    "jetbrains-mono.woff2": (
        "@fontsource-variable/jetbrains-mono", "files/jetbrains-mono-latin-wght-normal.woff2",
        LATIN, ["ccmp", "mark", "mkmk"], {"wght": (400, 700)},
    ),
    "jetbrains-mono-symbols.woff2": (
        "jetbrains-mono", "fonts/webfonts/JetBrainsMono-Regular.woff2",
        SYMBOLS, ["ccmp", "mark", "mkmk"], None,
    ),
    # All features, the MATH table and, through its closure, every stretched variant.
    "stix-two-math.woff2": (
        "@fontsource/stix-two-math", "files/stix-two-math-latin-400-normal.woff2", MATHS, ["*"], None,
    ),
}  # fmt: skip
LICENCES = {
    "inter-LICENSE.txt": ("inter-ui", "LICENSE.txt"),
    "jetbrains-mono-LICENSE.txt": ("@fontsource-variable/jetbrains-mono", "LICENSE"),
    "stix-two-math-LICENSE.txt": ("@fontsource/stix-two-math", "LICENSE"),
}


def fetch(package: str) -> dict[str, bytes]:
    """Download a package, check its hash, and return its files by path."""
    version, integrity = PACKAGES[package]
    url = f"{REGISTRY}/{package}/-/{package.split('/')[-1]}-{version}.tgz"
    with urllib.request.urlopen(url) as response:
        data = response.read()
    found = base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != integrity:
        raise SystemExit(f"{url}: expected sha512 {integrity}, got {found}")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {
            member.name.removeprefix("package/"): archive.extractfile(member).read()
            for member in archive.getmembers()
            if member.isfile()
        }


def subset(data: bytes, codes: list[int], features: list[str], limits: dict | None) -> bytes:
    """Keep of a font the code points, layout features and axis ranges that the site uses."""
    font = TTFont(io.BytesIO(data), recalcTimestamp=False)
    options = Options(layout_features=features, flavor="woff2", hinting=False, notdef_outline=True)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(font)
    if limits:
        font = instancer.instantiateVariableFont(font, limits)
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
    for name, (package, path, codes, features, limits) in FONTS.items():
        data = subset(packages[package][path], codes, features, limits)
        (HERE / name).write_bytes(data)
        print(f"{hashlib.sha256(data).hexdigest()}  {name}  {len(data):,} bytes")
    for name, (package, path) in LICENCES.items():
        (HERE / name).write_bytes(packages[package][path])


if __name__ == "__main__":
    main()
