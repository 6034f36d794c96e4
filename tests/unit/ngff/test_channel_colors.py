"""Colours of channels: own ones win, then dyes, then wavelengths, then a palette that all people can tell apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyramid.model import Channel
from pyramid.ngff import omero_channels
from pyramid.ngff.channel_colors import (
    BLUE,
    CYAN,
    FAR_RED,
    GREEN,
    INFRARED,
    ORANGE,
    PALETTE,
    RED,
    WHITE,
    YELLOW,
    choose_colors,
    dye_color,
)

NAMES = {
    BLUE: ["DAPI", "dapi", "Dapi_2", "C0: DAPI", "Hoechst 33342", "HOECHST", "Alexa Fluor 405", "BFP", "BV421"],
    CYAN: ["CFP", "mTurquoise2", "m-Cerulean", "Opal 480"],
    GREEN: [
        "GFP",
        "eGFP",
        "E-GFP",
        "GFP-tubulin",
        "FITC",
        "fitc (488)",
        "Alexa 488",
        "AF488",
        "Alexa-Fluor®-488",
        "Cy2",
    ],
    YELLOW: ["YFP", "EYFP", "Venus", "Alexa Fluor 532"],
    ORANGE: ["Cy3", "CY 3", "TRITC", "tdTomato", "AF555", "Alexa546", "PE"],
    RED: [
        "mCherry",
        "m-Cherry",
        "Texas Red",
        "TexasRed",
        "AF568",
        "Alexa Fluor 594",
        "RFP",
        "H2B-mRFP1",
        "PE-Texas Red",
    ],
    FAR_RED: [
        "Cy5",
        "Cy-5",
        "cy5.5",
        "Alexa 647",
        "AF647",
        "Far Red",
        "far-red",
        "DRAQ5",
        "SiR-DNA",
        "APC",
        "Qdot 655",
    ],
    INFRARED: ["Cy7", "APC-Cy7", "Alexa Fluor 750", "ICG", "near infrared"],
    WHITE: ["Brightfield", "bright field", "BF", "DIC", "T-PMT", "Phase contrast"],
}


@pytest.mark.parametrize(("color", "name"), [(color, name) for color, names in NAMES.items() for name in names])
def test_a_dye_has_the_colour_of_its_light(color: str, name: str) -> None:
    assert dye_color(Channel(name)) == color
    assert dye_color(Channel("tubulin", dye=name)) == color
    assert dye_color(Channel(f"  {name.upper()}  ")) == color


@pytest.mark.parametrize(
    "name", ["", "nuclei", "Channel 0", "C1", "488", "A1", "dapiens", "CD45", "Ki-67", "green algae", "-", "Æ" * 900]
)
def test_other_names_are_no_dyes(name: str) -> None:
    assert dye_color(Channel(name)) is None


@pytest.mark.parametrize(
    ("emission_nm", "color"),
    [
        *((450, BLUE), (461, BLUE), (475, CYAN), (509, GREEN), (525, GREEN), (555, YELLOW), (570, ORANGE), (610, RED)),
        *((668, FAR_RED), (776, INFRARED), (12, None), (5000, None)),
    ],
)
def test_a_wavelength_has_a_colour(emission_nm: float, color: str | None) -> None:
    assert dye_color(Channel("C1", emission_nm=emission_nm)) == color
    assert dye_color(Channel("DAPI", emission_nm=emission_nm)) == BLUE


def test_own_colours_win_and_the_palette_keeps_away_from_those_in_use() -> None:
    assert choose_colors([Channel("DAPI", "123456"), Channel("GFP")]) == ("123456", GREEN)
    assert choose_colors([Channel("DAPI"), Channel("a"), Channel("b")]) == (BLUE, PALETTE[0], PALETTE[1])
    assert choose_colors([Channel(color="FFA500"), Channel()])[1] != PALETTE[0]
    assert choose_colors([Channel()] * 7) == PALETTE
    assert len(choose_colors([Channel()] * 40)) == 40


def test_one_channel_is_white_unless_it_has_a_colour() -> None:
    assert choose_colors([Channel("DAPI", emission_nm=461.0)]) == (WHITE,)
    assert choose_colors([Channel("DAPI", "00FF00")]) == (GREEN,)


def test_red_green_and_blue_stay_so_in_any_dtype() -> None:
    names = [Channel("Red"), Channel("Green"), Channel("Blue"), Channel("alpha")]
    assert choose_colors(names) == (RED, GREEN, "0000FF", WHITE)
    measured = [(0.0, 9.0, 0.0, 9.0)] * 3
    assert [channel.color for channel in omero_channels((), "uint8", measured)] == [RED, GREEN, "0000FF"]
    lit = [Channel(emission_nm=nm) for nm in (461.0, 525.0, 610.0)]
    assert [channel.color for channel in omero_channels(lit, "uint8", measured)] == [BLUE, GREEN, RED]


@given(st.lists(st.builds(Channel, st.none() | st.text(max_size=30), dye=st.none() | st.text(max_size=9)), max_size=30))
def test_any_names_have_colours(channels: list[Channel]) -> None:
    colors = choose_colors(channels)
    assert len(colors) == len(channels)
    assert all(len(bytes.fromhex(color)) == 3 for color in colors)


# What people with no red, no green and no blue cones see, of linear RGB: G. M. Machado, M. M. Oliveira and
# L. A. F. Fernandes, A Physiologically-based Model for Simulation of Color Vision Deficiency (2009), severity 1.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
LEAST_DIFFERENCE = 10.0  # in CIELAB (1976), where 2.3 is just noticed


def _lab(color: str, seen: np.ndarray) -> np.ndarray:
    srgb = np.array(list(bytes.fromhex(color))) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(seen @ linear, 0, 1) / TO_XYZ.sum(axis=1)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_all_people_can_tell_the_palette_apart(blindness: str) -> None:
    seen = [_lab(color, np.array(BLINDNESS[blindness])) for color in PALETTE]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > LEAST_DIFFERENCE
