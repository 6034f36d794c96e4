"""The meaning of the samples of a pixel.

Samples that are red, green and blue become channels of these colours. For others there is a notice.
"""

from __future__ import annotations

import tifffile

from pyramid.model import Channel
from pyramid.readers.tiff.pages import JPEG

# Photometric interpretations, as the TIFF tag numbers them.
WHITE_IS_ZERO, RGB, PALETTE, YCBCR = 0, 2, 3, 6
PALETTE_NOTICE = (
    "its samples are indices into a colour palette, not red, green and blue light: the indices are kept; "
    "for an image in colour, give expand_palette=True"
)
# Compressions whose decoders return RGB for YCbCr: the kinds of JPEG, and WebP.
DECODED_TO_RGB = JPEG | {50001}
APERIO_YCBCR = 33003  # compression by JPEG 2000, whose samples are YCbCr whatever the tags say
_ALPHA = frozenset([1, 2])  # ExtraSamples: associated and unassociated alpha
# The channels of samples that are light.
_RGB_CHANNELS = (Channel("red", "FF0000"), Channel("green", "00FF00"), Channel("blue", "0000FF"))
# Photometric interpretations whose samples are not red, green and blue light, with
# the names of the samples, and words for the notice.
_KEPT: dict[int, tuple[tuple[str, ...], str]] = {
    PALETTE: ((), "indices into a colour palette"),
    4: ((), "a transparency mask"),
    5: (("cyan", "magenta", "yellow", "black"), "inks (CMYK)"),
    YCBCR: (("Y", "Cb", "Cr"), "luma and chroma (YCbCr)"),
    8: (("L*", "a*", "b*"), "CIELAB"),
    9: (("L*", "a*", "b*"), "ICCLab"),
    10: (("L*", "a*", "b*"), "ITULab"),
    32803: ((), "a colour filter array (raw values of a sensor)"),
    32844: ((), "logarithmic luminance (LogL)"),
    32845: ((), "logarithmic luminance and colour (LogLuv)"),
    34892: ((), "linear raw values of a sensor"),
}


def describe_samples(page: tifffile.TiffPage) -> tuple[tuple[Channel, ...], list[str]]:
    """Return a channel for each sample of a pixel, and notices about the samples.

    A notice says what the samples are if they are not light. The tuple of channels is empty if nothing is
    known of any sample.
    """
    samples = int(page.samplesperpixel)
    photometric = int(page.photometric) if 262 in page.tags or page.compression == 6 else 1
    photometric = YCBCR if page.compression == APERIO_YCBCR else photometric
    notices = []
    names: tuple[Channel, ...] = ()
    if photometric == RGB or (photometric == YCBCR and page.compression in DECODED_TO_RGB):
        names = _RGB_CHANNELS if samples >= len(_RGB_CHANNELS) else ()
    elif photometric in _KEPT:
        words, what = _KEPT[photometric]
        names = tuple(Channel(word) for word in words) if samples >= len(words) else ()
        notices.append(
            PALETTE_NOTICE
            if photometric == PALETTE
            else f"its samples are {what}, not red, green and blue light: the stored values are kept; "
            "for an image in colour, save it as RGB first"
        )
    inverted = photometric == WHITE_IS_ZERO
    channels = list(names) or [Channel(inverted=inverted)] * (samples - len(page.extrasamples))
    more = max(0, samples - len(channels))  # the tag may name fewer, or more
    extras = ([0] * more + [int(kind) for kind in page.extrasamples])[-more:] if more else []
    channels += [Channel("alpha") if kind in _ALPHA else Channel() for kind in extras]
    if 1 in extras:
        notices.append("its colours are already multiplied by alpha (associated alpha): the stored values are kept")
    known = any(channel != Channel() for channel in channels)
    return tuple(channels[:samples]) if known else (), notices
