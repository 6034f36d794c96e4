"""Colours of channels without one: by dye, by emitted wavelength, else by palette.

The colour of a dye is that of the light that it emits, in eight hues; far red and infrared are magenta and violet. Dyes
emit as Jackson ImmunoResearch lists them (http://www.jacksonimmuno.com/technical/f-cy3-5.asp), proteins as in Olympus'
palette (http://olympusconfocal.com/gfp/primer/techniques/confocal/applications/fpcolorpalette.html).
"""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from pyramid.model import Channel

# The colour of a single channel: grey shows more steps to the eye than any hue, and no other channel is near.
WHITE = "FFFFFF"
# Colours that people with any colour blindness can distinguish: M. Okabe and K. Ito, Color Universal Design (2002),
# https://jfly.uni-koeln.de/color/, in their order and without black.
PALETTE = ("E69F00", "56B4E9", "009E73", "F0E442", "0072B2", "D55E00", "CC79A7")
# Least distance in RGB from a colour of the palette to one of another channel: orange and red are 161 apart.
MIN_DISTANCE = 160.0

BLUE, CYAN, GREEN, YELLOW = "0000FF", "00FFFF", "00FF00", "FFFF00"
ORANGE, RED, FAR_RED, INFRARED = "FF8000", "FF0000", "FF00FF", "8000FF"

# Upper ends of bands of emitted light, in nm. Filters for DAPI are centred at 461 to 465, those for FITC up to 528.
_EMISSION_NM = ((470, BLUE), (500, CYAN), (540, GREEN), (565, YELLOW), (595, ORANGE), (640, RED), (725, FAR_RED))
# Upper ends of bands of the number in a dye's name that is the wavelength which excites it.
_EXCITATION_NM = ((430, BLUE), (470, CYAN), (520, GREEN), (541, YELLOW), (561, ORANGE), (631, RED), (700, FAR_RED))
# Wavelengths that can be those of a dye, in nm.
_LEAST_NM, _GREATEST_NM = 300, 1700

# Names of dyes in lower case without signs, by the colour of their light. Digits at the end may be left out.
_NAMES: Mapping[str, str] = {
    BLUE: "dapi hoechst amca bfp ebfp tagbfp mtagbfp pacificblue cascadeblue marinablue calcofluor calcofluorwhite "
    "coumarin dansyl",
    CYAN: "cfp ecfp scfp cerulean mcerulean turquoise mturquoise mtfp teal",
    GREEN: "gfp egfp sfgfp mgfp acgfp copgfp pagfp zsgreen neongreen mneongreen clover mclover emerald memerald fitc "
    "fluorescein fam cy2 bodipyfl oregongreen calcein calceinam fluo3 fluo4 gcamp sytogreen sytoxgreen sybrgreen yoyo "
    "mitotrackergreen lysotrackergreen phalloidingreen",
    YELLOW: "yfp eyfp venus mvenus citrine mcitrine ypet topaz",
    ORANGE: "cy3 tritc tamra tmr tmrm tmre rhodamine tdtomato tomato dsred morange mko kusabiraorange pe phycoerythrin "
    "mitotrackerorange sytoxorange",
    RED: "rfp mrfp tagrfp turborfp mcherry cherry mruby mscarlet mscarleti mapple mstrawberry mkate texasred cy35 "
    "rhodaminered rhodamineredx rrx propidiumiodide pi nilered mitotrackerred lysotrackerred petexasred",
    FAR_RED: "cy5 cy55 apc allophycocyanin draq sir sirdna siractin sirtubulin irfp topro3 deepred farred mplum "
    "mneptune mcardinal e2crimson mitotrackerdeepred cellmaskdeepred pecy5 pecy55 percp",
    INFRARED: "cy7 cy75 pecy7 apccy7 icg indocyaninegreen nearinfrared infrared nir",
    WHITE: "brightfield bf dic nomarski phase phasecontrast transmitted transmittedlight transmission tpmt",
}
_COLOR_OF = {name: color for color, names in _NAMES.items() for name in names.split()}
# Dyes whose names hold the wavelength that excites them, and those that hold the one they emit.
_BY_EXCITATION = "a|af|alexa|alexafluor|atto|cf|dy|dylight|jf|janeliafluor|star|abberiorstar"
_BY_EMISSION = "bv|bb|buv|brilliantviolet|efluor|opal|qdot|qd|quasar|v"
_NUMBERED = re.compile(rf"(?:({_BY_EXCITATION})|(?:{_BY_EMISSION}))([3-9]\d\d)[a-z]?")
# Colours that name a channel by themselves, as the channels of a picture are named.
_WORDS = {
    **{"red": RED, "green": GREEN, "blue": BLUE, "cyan": CYAN, "magenta": "FF00FF", "yellow": YELLOW, "orange": ORANGE},
    **{"white": WHITE, "gray": WHITE, "grey": WHITE, "alpha": WHITE},
}
# Most words of one dye's name, as in "Alexa Fluor 488", and of a channel's name that are looked at.
_MAX_JOINED, _MAX_WORDS = 4, 64


def choose_colors(channels: Sequence[Channel]) -> tuple[str, ...]:
    """Return a colour for each channel: its own, its dye's, or one of a palette.

    A single channel without a colour is white.

    Examples
    --------
    >>> choose_colors([Channel("DAPI"), Channel("anti-tubulin, Alexa Fluor 568"), Channel("C3")])
    ('0000FF', 'FF0000', 'E69F00')
    >>> choose_colors([Channel("DAPI")])
    ('FFFFFF',)
    """
    if len(channels) == 1:
        return (channels[0].color or WHITE,)
    known = [channel.color or dye_color(channel) for channel in channels]
    used = {color for color in known if color}
    apart = [color for color in PALETTE if all(_distance(color, other) >= MIN_DISTANCE for other in used)]
    free = itertools.cycle(apart or PALETTE)
    return tuple(color or next(free) for color in known)


def _distance(one: str, other: str) -> float:
    """Return the distance of two colours in RGB."""
    pairs = zip(bytes.fromhex(one), bytes.fromhex(other), strict=True)
    return math.sqrt(sum((a - b) ** 2 for a, b in pairs))


def dye_color(channel: Channel) -> str | None:
    """Return the colour of a channel's dye, by its name or its emitted wavelength.

    Returns None where neither is known.
    """
    for text in (channel.name, channel.dye):
        color = _named_color(text) if text else None
        if color is not None:
            return color
    return None if channel.emission_nm is None else _band(channel.emission_nm, _EMISSION_NM)


def _named_color(text: str) -> str | None:
    """Return the colour of the first dye in a text, whatever its case and signs.

    Examples
    --------
    >>> [_named_color(text) for text in ("C1: e-GFP", "CY 5", "hoechst 33342", "AF647", "Opal 520", "nuclei")]
    ['00FF00', 'FF00FF', '0000FF', 'FF00FF', '00FF00', None]
    """
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold())[:_MAX_WORDS]
    if len(words) == 1 and words[0] in _WORDS:
        return _WORDS[words[0]]
    return next(filter(None, map(_word_color, _joined(words))), None)


def _joined(words: Sequence[str]) -> Iterator[str]:
    """Yield neighbouring words as one, from each word on, the longest first."""
    for start in range(len(words)):
        for count in range(min(_MAX_JOINED, len(words) - start), 0, -1):
            yield "".join(words[start : start + count])


def _word_color(word: str) -> str | None:
    numbered = _NUMBERED.fullmatch(word)
    if numbered:
        return _band(float(numbered[2]), _EXCITATION_NM if numbered[1] else _EMISSION_NM)
    return _COLOR_OF.get(word) or _COLOR_OF.get(word.rstrip("0123456789"))


def _band(wavelength_nm: float, bands: Sequence[tuple[int, str]]) -> str | None:
    """Return the colour of a wavelength; None for one that no dye has."""
    if not _LEAST_NM <= wavelength_nm <= _GREATEST_NM:
        return None
    return next((color for end_nm, color in bands if wavelength_nm < end_nm), INFRARED)
