"""Contrast of every pair of text and ground, by WCAG 2 over OKLCH converted to linear sRGB (Ottosson 2020)."""

import math
import re

import pytest

from stellwerk.uikit.assets import FOLDER

_TOKEN = re.compile(r"--([a-z0-9-]+): light-dark\(oklch\(([\d. ]+)\), oklch\(([\d. ]+)\)\);")


def luminance(oklch: str) -> float:
    lightness, chroma, hue = (float(part) for part in oklch.split())
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short
    red, green, blue = (min(1.0, max(0.0, part)) for part in (red, green, blue))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


COLOURS = {name: (luminance(light), luminance(dark))
           for name, light, dark in _TOKEN.findall((FOLDER / "tokens.css").read_text())}
TEXT = [(ink, ground) for ink in ("ink", "ink-2", "ink-3", "accent", "stop-ink", "caution-ink", "clear-ink")
        for ground in ("paper", "surface", "sunken")]
TEXT += [("on-accent", "accent"), ("on-accent", "accent-strong"), ("ink", "accent-soft")]
TEXT += [(ink, f"{state}-soft") for state in ("clear", "caution", "stop") for ink in ("ink", "ink-2", f"{state}-ink")]
# Shapes and borders that carry meaning need 3.
SHAPES = [(shape, "paper") for shape in ("clear", "stop", "way", "unset", "rail", "series-2", "series-3")]


def contrast(first: float, second: float) -> float:
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_reads(ink: str, ground: str, scheme: int) -> None:
    assert contrast(COLOURS[ink][scheme], COLOURS[ground][scheme]) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize(("shape", "ground"), SHAPES)
def test_shapes_show(shape: str, ground: str, scheme: int) -> None:
    assert contrast(COLOURS[shape][scheme], COLOURS[ground][scheme]) >= 3
