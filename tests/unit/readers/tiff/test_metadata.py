from __future__ import annotations

from typing import Any

import pytest

from pyramid.errors import OptionError, SourceError
from pyramid.model import Channel
from pyramid.readers.axes import AxisOrder
from pyramid.readers.tiff.axes import tiff_order
from pyramid.readers.tiff.description import Description
from pyramid.readers.tiff.imagej import describe_imagej
from pyramid.readers.tiff.metadata import describe_ome
from pyramid.readers.tiff.ome_xml import OmeImage, parse_ome
from pyramid.readers.tiff.slides import describe_svs

IN_METERS = {
    **{f"{prefix}meter": 10.0**power for prefix, power in (("yocto", -24), ("atto", -18), ("pico", -12), ("nano", -9))},
    **{f"{prefix}meter": 10.0**power for prefix, power in (("micro", -6), ("milli", -3), ("centi", -2), ("deci", -1))},
    **{
        f"{prefix}meter": 10.0**power
        for prefix, power in (("", 0), ("hecto", 2), ("kilo", 3), ("mega", 6), ("yotta", 24))
    },
    **{"angstrom": 1e-10, "inch": 0.0254, "foot": 0.3048, "yard": 0.9144, "mile": 1609.344},
    "parsec": 3.0856775814913673e16,
}
OME = '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{}</OME>'


def ome(pixels: str, channels: str = "", name: str = "cells") -> Description:
    xml = OME.format(f'<Image Name="{name}"><Pixels {pixels}>{channels}</Pixels></Image>')
    return describe_ome(parse_ome(xml).images[0])


def test_ome_gives_sizes_units_channels_and_name() -> None:
    found = ome(
        'PhysicalSizeX="65" PhysicalSizeXUnit="nm" PhysicalSizeY="0.065" PhysicalSizeZ="0.2" PhysicalSizeZUnit="µm" '
        'TimeIncrement="2" TimeIncrementUnit="min"',
        '<Channel Name="DAPI" Color="65535"/><Channel Color="-1"/><Channel Color="16711935"/>',
    )
    assert found.scale == {"x": 65, "y": 0.065, "z": 0.2, "t": 2}
    assert found.units == {"x": "nanometer", "y": "micrometer", "z": "micrometer", "t": "minute"}
    assert found.channels == (Channel("DAPI", "0000FF"), Channel(None, "FFFFFF"), Channel(None, "00FF00"))
    assert found.name == "cells"


@pytest.mark.parametrize("unit", ["pixel", "reference frame", "furlong", ""])
def test_a_unit_that_is_not_physical_gives_no_size(unit: str) -> None:
    found = ome(f'PhysicalSizeX="1" PhysicalSizeXUnit="{unit}"')
    assert found.scale == {}
    assert found.units == {}
    assert [f"unit {unit!r}" in notice for notice in found.notices] == [True]


@pytest.mark.parametrize("size", ["0", "-1", "nan", "inf", "wide", ""])
def test_a_size_that_is_none_is_left_out(size: str) -> None:
    found = ome(f'PhysicalSizeX="{size}"')
    assert found.scale == {}
    assert [f"PhysicalSizeX is {size!r}" in notice for notice in found.notices] == [True]


@pytest.mark.parametrize(
    ("size", "unit", "meters"),
    [
        ("2", "ym", 2e-24),
        ("2", "am", 2e-18),
        ("2", "pm", 2e-12),
        ("2", "Å", 2e-10),
        ("2", "nm", 2e-9),
        ("2", "\u03bcm", 2e-6),
        ("2", "cm", 0.02),
        ("2", "dm", 0.2),
        ("2", "dam", 20),
        ("2", "hm", 200),
        ("2", "km", 2e3),
        ("2", "Mm", 2e6),
        ("2", "Ym", 2e24),
        ("2", "in", 0.0508),
        ("2", "thou", 5.08e-5),
        ("2", "li", 0.0254 / 6),
        ("2", "pt", 0.0254 / 36),
        ("2", "ft", 0.6096),
        ("2", "yd", 1.8288),
        ("2", "mi", 3218.688),
        ("2", "ua", 2 * 149_597_870_700),
        ("2", "ly", 2 * 9_460_730_472_580_800),
        ("2", "pc", 2 * 3.0856775814913673e16),
    ],
)
def test_size_times_unit_is_the_length_that_ome_says(size: str, unit: str, meters: float) -> None:
    found = ome(f'PhysicalSizeX="{size}" PhysicalSizeXUnit="{unit}"')
    assert found.notices == []
    assert found.scale["x"] * IN_METERS[found.units["x"]] == pytest.approx(meters, rel=1e-12)


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [
        ("fs", 1e-15),
        ("ns", 1e-9),
        ("µs", 1e-6),
        ("ms", 1e-3),
        ("das", 10),
        ("ks", 1e3),
        ("min", 60),
        ("h", 3600),
        ("d", 86400),
    ],
)
def test_increment_times_unit_is_the_time_that_ome_says(unit: str, seconds: float) -> None:
    found = ome(f'TimeIncrement="1" TimeIncrementUnit="{unit}"')
    words = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
    words |= {"femtosecond": 1e-15, "nanosecond": 1e-9, "microsecond": 1e-6, "millisecond": 1e-3, "kilosecond": 1e3}
    assert found.scale["t"] * words[found.units["t"]] == pytest.approx(seconds, rel=1e-12)


def test_a_channel_of_several_samples_stands_for_each() -> None:
    found = ome('SizeX="4"', '<Channel Name="RGB" SamplesPerPixel="3"/>')
    assert found.channels == (Channel("RGB"),) * 3


def test_channels_without_a_word_say_nothing() -> None:
    assert ome('SizeX="4"', "<Channel/><Channel/>").channels == ()


def test_several_images_keep_their_order() -> None:
    document = parse_ome(OME.format('<Image Name="a"><Pixels/></Image><Image Name="b"><Pixels/></Image>'))
    assert [image.name for image in document.images] == ["a", "b"]


def test_a_companion_is_named() -> None:
    assert parse_ome(OME.format('<BinaryOnly MetadataFile="all.companion.ome"/>')).companion == "all.companion.ome"


@pytest.mark.parametrize(
    ("xml", "complaint"),
    [
        ('<!DOCTYPE OME [<!ENTITY a "aaaa">]><OME>&a;</OME>', "document type"),
        (OME.format('<Image><Pixels SizeZ="3000" SizeC="3000" SizeT="3000"/></Image>'), "planes"),
        (OME.format('<Image><Pixels><TiffData PlaneCount="99999999999"/></Pixels></Image>'), "planes"),
        (OME.format('<Image><Pixels><TiffData><UUID FileName="../b.tif"/></TiffData></Pixels></Image>'), "outside"),
        (OME.format('<Image><Pixels><TiffData><UUID FileName="/etc/b.tif"/></TiffData></Pixels></Image>'), "outside"),
        (OME.format('<Image><Pixels><TiffData><UUID FileName="a\\..\\..\\b"/></TiffData></Pixels></Image>'), "outside"),
        (OME.format('<ModuloAlongT Start="0" End="1e15" Step="1"/>'), "divides"),
        (OME.format('<ModuloAlongT Start="0" End="1" Step="0"/>'), "divides"),
        (OME.format('<ModuloAlongT Start="a" End="1"/>'), "divides"),
        ('<OME><Image Name="a"><Pixels SizeX="3"></OME', "not well-formed"),
        (OME.format('<Image><Pixels><TiffData IFD="x"/></Pixels></Image>'), "IFD='x'"),
        (OME.format('<Image><Pixels><TiffData FirstZ="-1"/></Pixels></Image>'), "FirstZ='-1'"),
        (OME.format('<Image><Pixels><TiffData PlaneCount="1e3"/></Pixels></Image>'), "PlaneCount='1e3'"),
        (OME.format('<BinaryOnly MetadataFile="/etc/a.companion.ome"/>'), "outside"),
    ],
)
def test_xml_that_asks_too_much_is_refused(xml: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint):
        parse_ome(xml)


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        *((option_spec, "micrometer") for option_spec in ("micron", "microns", "um", "µm", "\\u00B5m")),
        ("nm", "nanometer"),
        ("mm", "millimeter"),
        ("cm", "centimeter"),
        *((option_spec, "inch") for option_spec in ("inch", "inches", "in")),
    ],
)
def test_imagej_names_its_units_in_many_ways(unit: str, name: str) -> None:
    found = describe_imagej({"unit": unit, "spacing": 0.5}, (0.1, 0.2))
    assert found.scale == {"z": 0.5, "y": 0.1, "x": 0.2}
    assert set(found.units.values()) == {name}


@pytest.mark.parametrize(("unit", "said"), [("pixel", 0), ("pixels", 0), ("", 0), ("cells", 3)])
def test_imagej_without_a_physical_unit_gives_no_size(unit: str, said: int) -> None:
    found = describe_imagej({"unit": unit, "spacing": 0.5}, (1.0, 1.0))
    assert found.scale == {}
    assert len(found.notices) == said


@pytest.mark.parametrize(
    ("metadata", "unit", "size"),
    [
        ({"finterval": 1.5}, "second", 1.5),
        ({"finterval": 50, "tunit": "ms"}, "millisecond", 50),
        ({"finterval": 5, "tunit": "min"}, "minute", 5),
        ({"fps": 4.0}, "second", 0.25),
        ({"fps": 0}, None, None),
        ({"finterval": 2, "tunit": "furlong"}, None, None),
    ],
)
def test_imagej_gives_the_time_of_a_frame(metadata: dict[str, Any], unit: str | None, size: float | None) -> None:
    found = describe_imagej(metadata, (None, None))
    assert (found.scale.get("t"), found.units.get("t")) == (size, unit)


@pytest.mark.parametrize(("spacing", "depth"), [({}, 1.0), ({"spacing": -2.5}, 2.5), ({"spacing": "nan"}, None)])
def test_imagej_gives_the_distance_of_slices(spacing: dict[str, Any], depth: float | None) -> None:
    found = describe_imagej({"unit": "nm", **spacing}, (None, None))
    assert found.scale.get("z") == depth
    assert len(found.notices) == (depth is None)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"cf": 0, "c0": -32768.0, "c1": 1.0}, "calibrated (cf=0, c0=-32768.0, c1=1.0"),
        ({"xorigin": 0, "yorigin": 20}, "not carried over: ImageJ's origin of coordinates"),
        ({"Labels": ["a"], "min": 3.0, "max": 9.0}, "ImageJ's labels of slices, display ranges"),
        ({"exposure": 5}, "ImageJ's 'exposure'"),
    ],
)
def test_what_imagej_says_besides_is_named(said: dict[str, Any], words: str) -> None:
    known = {"ImageJ": "1.54f", "images": 3, "slices": 3, "unit": "um", "spacing": 2.0, "loop": False}
    assert describe_imagej(known, (0.5, 0.5)).notices == []
    (notice,) = describe_imagej({**known, **said}, (0.5, 0.5)).notices
    assert words in notice


def test_imagej_in_um_with_pixels_a_centimeter() -> None:
    assert describe_imagej({"unit": "um"}, (2e-5, 5e-5), 3).scale == {"z": 1.0, "y": 0.2, "x": 0.5}
    assert describe_imagej({"unit": "um"}, (0.2, 0.5), 1).scale == {"z": 1.0, "y": 0.2, "x": 0.5}


@pytest.mark.parametrize(
    ("description", "size"), [("Aperio v1|AppMag = 20|MPP = 0.4990", 0.499), ("Aperio v1|AppMag = 20", None)]
)
def test_aperio_gives_micrometres_a_pixel(description: str, size: float | None) -> None:
    found = describe_svs(description)
    assert found.scale.get("x") == found.scale.get("y") == size


@pytest.mark.parametrize(
    ("axes", "shape", "override", "letters"),
    [
        ("YX", (5, 6), None, ("y", "x")),
        ("TZCYX", (2, 3, 4, 5, 6), None, ("t", "z", "c", "y", "x")),
        ("YXS", (5, 6, 3), None, ("y", "x", "c")),
        ("CYXS", (2, 5, 6, 3), None, ("c", "y", "x", "c")),
        ("IYX", (4, 5, 6), None, ("z", "y", "x")),
        ("QQYX", (4, 3, 5, 6), None, ("t", "z", "y", "x")),
        ("ZQYX", (4, 3, 5, 6), None, ("z", "t", "y", "x")),
        ("QQYX", (1, 3, 5, 6), None, ("", "z", "y", "x")),
        ("IYX", (4, 5, 6), "tyx", ("t", "y", "x")),
        ("IYXS", (4, 5, 6, 3), "tyxc", ("t", "y", "x", "c")),
        ("IYXS", (4, 5, 6, 3), "tyx", ("t", "y", "x", "c")),
        ("CYXS", (2, 5, 6, 3), "zyx", ("z", "y", "x", "c")),
        ("SYX", (3, 5, 6), "zyx", ("z", "y", "x")),
    ],
)
def test_dimensions_become_axes(
    axes: str, shape: tuple[int, ...], override: str | None, letters: tuple[str, ...]
) -> None:
    assert tiff_order(axes, shape, override)[0] == AxisOrder(letters, shape)


def test_a_guess_is_told() -> None:
    assert [notice.split(";")[0] for notice in tiff_order("IYX", (4, 5, 6), None)[1]] == [
        "the file does not say what its dimension I of 4 pixels is"
    ]
    assert tiff_order("IYX", (4, 5, 6), "tyx")[1] == []


@pytest.mark.parametrize(
    ("axes", "shape", "override", "complaint"),
    [
        ("TZCYXQ", (2, 3, 4, 5, 6, 7), None, "at most"),
        ("QX", (4, 6), None, "no rows"),
        ("IYX", (4, 5, 6), "czyx", "names 4 axes"),
        ("TZCYX", (2, 3, 4, 5, 6), "yx", "names 2 axes"),
        ("YXS", (5, 6, 3), "cyx", "makes x of the 3 samples of a pixel"),
        ("YXS", (5, 6, 3), "yxz", "makes z of the 3 samples of a pixel"),
    ],
)
def test_axes_that_do_not_fit_are_refused(
    axes: str, shape: tuple[int, ...], override: str | None, complaint: str
) -> None:
    with pytest.raises(OptionError if override else SourceError, match=complaint):
        tiff_order(axes, shape, override)


@pytest.mark.parametrize(
    ("attributes", "emission_nm"),
    [
        ({"EmissionWavelength": "525"}, 525.0),
        ({"EmissionWavelength": "0.525", "EmissionWavelengthUnit": "µm"}, 525.0),
        ({"EmissionWavelength": "5250", "EmissionWavelengthUnit": "Å"}, 525.0),
        ({"EmissionWavelength": "525000", "EmissionWavelengthUnit": "pm"}, 525.0),
        ({"EmissionWavelength": "5.25e-7", "EmissionWavelengthUnit": "m"}, 525.0),
        ({"EmissionWavelength": "525", "EmissionWavelengthUnit": "pixel"}, None),
        ({"EmissionWavelength": "green"}, None),
        ({"EmissionWavelength": "-1"}, None),
        ({}, None),
    ],
)
def test_the_emission_of_a_channel_is_read_with_its_unit(attributes: dict[str, str], emission_nm: float | None) -> None:
    (channel,) = describe_ome(OmeImage("a", channels=[{"Name": "C", "Fluor": "FITC", **attributes}])).channels
    assert (channel.emission_nm, channel.dye) == (emission_nm, "FITC")
