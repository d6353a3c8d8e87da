"""The colours: the same in Streamlit's configuration and in the charts, and readable."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from streamlit import config

from mnist_core.palette import CLASS_COLOURS, DARK, LIGHT, Palette, class_colour

CONFIG: dict[str, Any] = tomllib.loads(Path(".streamlit/config.toml").read_text(encoding="utf-8"))
THEMES = [
    pytest.param(LIGHT, CONFIG["theme"]["light"], id="light"),
    pytest.param(DARK, CONFIG["theme"]["dark"], id="dark"),
]


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("palette", "theme"), THEMES)
def test_charts_and_streamlit_have_the_same_colours(palette: Palette, theme: dict[str, Any]) -> None:
    assert palette.validation == theme["primaryColor"]
    assert (palette.text, palette.background) == (theme["textColor"], theme["backgroundColor"])
    assert list(palette.sequential) == theme["chartSequentialColors"]
    ends = palette.diverging[:5] + palette.diverging[6:]
    assert list(ends) == theme["chartDivergingColors"]
    assert CONFIG["theme"]["chartCategoricalColors"] == list(CLASS_COLOURS)


@pytest.mark.parametrize(("palette", "theme"), THEMES)
def test_text_and_marks_stand_out(palette: Palette, theme: dict[str, Any]) -> None:
    assert contrast(palette.text, theme["secondaryBackgroundColor"]) >= 7
    assert contrast(palette.muted, palette.background) >= 4.5
    assert contrast(theme["linkColor"], palette.background) >= 4.5
    assert contrast("#ffffff", theme["primaryColor"]) >= 3.5
    for mark in (palette.training, palette.validation, palette.test, palette.right, palette.wrong):
        assert contrast(mark, palette.background) >= 3


@pytest.mark.parametrize(("palette", "theme"), THEMES)
def test_the_scales_go_one_way(palette: Palette, theme: dict[str, Any]) -> None:
    steps = [luminance(colour) for colour in palette.sequential]
    assert steps == sorted(steps, reverse=palette is LIGHT)
    red, green, blue = (int(palette.diverging[5][start : start + 2], 16) for start in (1, 3, 5))
    assert max(red, green, blue) - min(red, green, blue) <= 4  # grey


def test_an_eleventh_class_has_a_colour() -> None:
    assert class_colour(10) == CLASS_COLOURS[0]


def test_every_option_of_the_configuration_exists() -> None:
    """Streamlit ignores what it does not know; the collection after each run is a hidden option of its own."""
    known = config.get_config_options()
    for section in ("server", "runner", "client", "browser"):
        for name in CONFIG[section]:
            assert f"{section}.{name}" in known
    assert known["runner.postScriptGC"].value in (True, False)
    assert CONFIG["runner"]["postScriptGC"] is False
