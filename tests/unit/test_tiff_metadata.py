from __future__ import annotations

import pytest

from pyramid.errors import SourceError
from pyramid.model import Channel
from pyramid.readers.axes import AxisOrder
from pyramid.readers.ome_xml import OmeImage, parse_ome
from pyramid.readers.tiff_axes import tiff_order
from pyramid.readers.tiff_metadata import Description, describe_imagej, describe_ome, describe_svs

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


@pytest.mark.parametrize("size", ["0", "-1", "nan", "inf", "wide", ""])
def test_a_size_that_is_none_is_left_out(size: str) -> None:
    assert ome(f'PhysicalSizeX="{size}"').scale == {}


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


def test_broken_xml_gives_the_images_up_to_the_break() -> None:
    assert parse_ome('<OME><Image Name="a"><Pixels SizeX="3"></OME').images == [OmeImage("a", {"SizeX": "3"})]


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
    ],
)
def test_xml_that_asks_too_much_is_refused(xml: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint):
        parse_ome(xml)


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        *((spelling, "micrometer") for spelling in ("micron", "microns", "um", "µm", "\\u00B5m")),
        ("nm", "nanometer"),
        ("mm", "millimeter"),
        ("inch", "inch"),
    ],
)
def test_imagej_names_its_units_in_many_ways(unit: str, name: str) -> None:
    found = describe_imagej({"unit": unit, "spacing": 0.5}, (0.1, 0.2))
    assert found.scale == {"z": 0.5, "y": 0.1, "x": 0.2}
    assert set(found.units.values()) == {name}


@pytest.mark.parametrize("unit", ["pixel", "pixels", "", "cells"])
def test_imagej_without_a_physical_unit_gives_no_size(unit: str) -> None:
    assert describe_imagej({"unit": unit, "spacing": 0.5}, (1.0, 1.0)).scale == {}


@pytest.mark.parametrize(("metadata", "seconds"), [({"finterval": 1.5}, 1.5), ({"fps": 4.0}, 0.25), ({"fps": 0}, None)])
def test_imagej_gives_the_time_of_a_frame(metadata: dict[str, float], seconds: float | None) -> None:
    assert describe_imagej(metadata, (None, None)).scale.get("t") == seconds


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
    ],
)
def test_axes_that_do_not_fit_are_refused(
    axes: str, shape: tuple[int, ...], override: str | None, complaint: str
) -> None:
    with pytest.raises(SourceError, match=complaint):
        tiff_order(axes, shape, override)
