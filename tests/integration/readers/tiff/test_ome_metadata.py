"""OME-XML that is stored with an image: valid by OME's schema, and with all that the schema has a place for."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

import pyramid
from pyramid.errors import SourceError
from pyramid.model import Channel, SourceSpec
from pyramid.readers.ome_metadata.keeping import keep_document
from pyramid.readers.ome_metadata.making import make_document
from pyramid.readers.ome_metadata.schema import is_valid
from pyramid.readers.ome_metadata.tree import MAX_DEPTH
from tests.support.ome_xml import NAMES, document, image, plate, schema, validate_ome_xml, write_images
from tests.support.paths import DATA, ROOT

SHAPE = (2, 20, 30)
SPEC = SourceSpec("cyx", SHAPE, "uint16", SHAPE, (None, 0.5, 0.25), (None, "micrometer", "micrometer"))
RICH = (
    '<Experimenter ID="Experimenter:0" LastName="R"/>'
    '<Instrument ID="Instrument:0"><Laser ID="LightSource:0" Type="Gas" Wavelength="488"/>'
    '<Objective ID="Objective:0" NominalMagnification="60" LensNA="1.4" Immersion="Oil"/></Instrument>'
)
AROUND = (
    "<AcquisitionDate>2020-02-29T10:11:12</AcquisitionDate>"
    '<ExperimenterRef ID="Experimenter:0"/><InstrumentRef ID="Instrument:0"/><ObjectiveSettings ID="Objective:0"/>'
)
CHANNELS = (
    '<Channel ID="Channel:0:0" Name="GFP" EmissionWavelength="520" ExcitationWavelength="488">'
    '<LightSourceSettings ID="LightSource:0"/></Channel><Channel ID="Channel:0:1"/>'
)
PLANE = '<Plane TheZ="0" TheC="1" TheT="0" DeltaT="1.5" ExposureTime="0.02"/>'
TIFF_DATA = '<TiffData IFD="0" PlaneCount="2"/>'


def kept(body: str, year: str = "2016-06", **images: Any) -> tuple[ET.Element, tuple[str, ...]]:
    found = keep_document(document(body, year), images.get("images", {0: SPEC}))
    validate_ome_xml(found.text)
    return ET.fromstring(found.text.encode()), found.lost


def test_all_that_the_schema_has_a_place_for_is_kept() -> None:
    root, lost = kept(RICH + image(0, SHAPE, CHANNELS + TIFF_DATA + PLANE, AROUND))
    assert lost == ()
    assert root.findtext("o:Image/o:AcquisitionDate", "", NAMES) == "2020-02-29T10:11:12"
    pixels = root.find("o:Image/o:Pixels", NAMES)
    assert pixels is not None
    assert [child.tag.rpartition("}")[2] for child in pixels] == ["Channel", "Channel", "MetadataOnly", "Plane"]
    assert pixels[0].get("EmissionWavelength") == "520"
    assert root.find("o:Instrument/o:Objective", NAMES).attrib["LensNA"] == "1.4"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        (image(0, SHAPE, '<Channel Color="red"/>' + TIFF_DATA), "Color (of Channel)"),
        (image(0, SHAPE, TIFF_DATA, "<AcquisitionDate>yesterday</AcquisitionDate>"), "AcquisitionDate (in Image)"),
        (image(0, SHAPE, TIFF_DATA, '<Nonsense a="b"><Pixels/></Nonsense>'), "Nonsense (in Image)"),
        (image(0, SHAPE, TIFF_DATA) + '<ROI ID="ROI:0"/>', "ROI (in OME)"),
        (
            image(0, SHAPE, TIFF_DATA, "<Description>a</Description><Description>b</Description>"),
            "Description (in Image)",
        ),
    ],
)
def test_what_it_has_not_is_left_out_and_named(body: str, lost: str) -> None:
    assert kept(body)[1] == (lost,)


def test_a_reference_to_nothing_is_left_out_without_a_word() -> None:
    root, lost = kept(image(0, SHAPE, TIFF_DATA, '<InstrumentRef ID="Instrument:9"/>'))
    assert (root.find(".//o:InstrumentRef", NAMES), lost) == (None, ())


def test_ids_that_are_missing_or_there_twice_are_made() -> None:
    two = {0: SPEC, 1: SPEC}
    channels = '<Channel ID="Channel:0"/><Channel/>'
    body = image(0, SHAPE, channels) + image(1, SHAPE, channels).replace("Image:1", "Image:0")
    root, lost = kept(body, images=two)
    ids = [channel.get("ID") for channel in root.iterfind(".//o:Channel", NAMES)]
    assert (len(set(ids)), lost) == (4, ())


def test_what_earlier_schemas_call_otherwise_is_kept() -> None:
    lamp = '<LightSource ID="LightSource:0" Power="5" Model="m"><Laser Type="Gas" Wavelength="488"/></LightSource>'
    around = "<AcquiredDate>2010-03-02T15:08:59</AcquiredDate>"
    body = f'<Instrument ID="Instrument:0">{lamp}</Instrument>' + image(0, SHAPE, CHANNELS, around)
    root, lost = kept(body, "2011-06")
    laser = root.find("o:Instrument/o:Laser", NAMES)
    assert laser is not None
    assert (laser.get("ID"), laser.get("Power"), laser.get("Wavelength"), lost) == ("LightSource:0", "5", "488", ())
    assert root.findtext("o:Image/o:AcquisitionDate", "", NAMES) == "2010-03-02T15:08:59"
    assert root.find(".//o:LightSourceSettings", NAMES) is not None


def test_images_that_are_not_stored_are_left_out_with_their_references() -> None:
    wells = plate({(0, 0): [0], (1, 2): [1]})
    root, _ = kept(wells + image(0, SHAPE) + image(1, SHAPE), images={1: SPEC})
    assert [found.get("ID") for found in root.iterfind("o:Image", NAMES)] == ["Image:1"]
    assert [ref.get("ID") for ref in root.iterfind(".//o:ImageRef", NAMES)] == ["Image:1"]


def test_sizes_are_those_of_the_pixels_that_are_stored() -> None:
    other = SourceSpec("cyx", (1, 20, 30), "uint8", (1, 20, 30), (None,) * 3, (None,) * 3)
    root, lost = kept(image(0, SHAPE, CHANNELS.split("<LightSource")[0] + "</Channel>" + PLANE), images={0: other})
    pixels = root.find("o:Image/o:Pixels", NAMES)
    assert pixels is not None
    assert (pixels.get("SizeC"), pixels.get("Type"), len(pixels)) == ("1", "uint8", 1)
    assert lost == ("Channel (in Pixels)", "Plane (in Pixels)")


def test_annotations_of_other_schemas_are_kept_as_they_are() -> None:
    value = '<a:Data xmlns:a="http://a.org" k="&lt;1"><a:B>text &amp; more</a:B><Channel/></a:Data>'
    notes = f'<StructuredAnnotations><XMLAnnotation ID="Annotation:0"><Value>{value}</Value></XMLAnnotation>'
    root, lost = kept(image(0, SHAPE) + notes + "</StructuredAnnotations>")
    data = root.find(".//{http://a.org}Data")
    assert data is not None
    assert (data.get("k"), data.findtext("{http://a.org}B"), lost) == ("<1", "text & more", ())


OLD, NEW = "tiff/ome-files/2010-06-18x24y5z1t2c8b-text.ome.tiff", "tiff/ome-sample/multi-channel-z-series.ome.tif"


@pytest.mark.parametrize(("path", "version"), [(OLD, "0.4"), (NEW, "0.5"), (OLD, "0.6")])
def test_a_real_ome_tiff_has_its_xml_next_to_its_levels(path: str, version: str, tmp_path: Path) -> None:
    target = tmp_path / "a.ome.zarr"
    plan = pyramid.plan(DATA / path, target)
    assert any(name == "OME-XML" and "OME/METADATA.ome.xml" in text for name, text in plan.spec.details)
    pyramid.convert(DATA / path, target, ome_zarr_version=version, manifest=str(tmp_path / "m.txt"))
    validate_ome_xml(target / "OME/METADATA.ome.xml")
    assert "OME/METADATA.ome.xml" in (tmp_path / "m.txt").read_text()
    assert pyramid.verify(target).ok
    assert pyramid.validate(target).valid
    pyramid.download(str(target), str(tmp_path / "copy.ome.zarr"))
    xml = (tmp_path / "copy.ome.zarr/OME/METADATA.ome.xml").read_text(encoding="utf-8")
    assert xml == (target / "OME/METADATA.ome.xml").read_text(encoding="utf-8")


@pytest.mark.parametrize("options", [{"select": "c=0"}, {"dtype": "float32"}, {"format": "n5"}])
def test_it_is_not_stored_where_it_would_describe_other_pixels(options: dict[str, Any], tmp_path: Path) -> None:
    path = write_images(tmp_path / "a.ome.tif", [np.ones((2, 20, 30), "uint16")])
    target = tmp_path / ("a.n5" if "format" in options else "a.ome.zarr")
    pyramid.convert(path, target, **options)
    assert not (target / "OME").exists()


def test_a_plain_tiff_has_none(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 30), "uint8"))
    pyramid.convert(tmp_path / "a.tif", tmp_path / "a.ome.zarr")
    assert not (tmp_path / "a.ome.zarr/OME").exists()


def test_xml_that_is_made_of_a_description_is_valid() -> None:
    channels = (Channel("DAPI\x00", "0000FF", emission_nm=461.0), Channel(None, "FFFFFF"))
    text = make_document([SPEC, SourceSpec(**{**_fields(SPEC), "channels": channels, "name": "a <b>"})], "tests")
    assert text is not None
    validate_ome_xml(text)
    assert make_document([SourceSpec(**{**_fields(SPEC), "dtype": "uint64"})], "tests") is None


def _fields(spec: SourceSpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in spec.__dataclass_fields__}


@pytest.mark.parametrize(
    ("xml", "complaint"),
    [
        (document("<a>" * (MAX_DEPTH + 9) + "</a>" * (MAX_DEPTH + 9)), "within each other"),
        ("<Other/>", "its root is not OME"),
        (document(""), "fewer images"),
        ("<OME", "not well-formed"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + document("&b;"), "document type"),
        (document('<Image ID="Image:0"/>'), "not valid by OME's schema"),
    ],
)
def test_xml_that_cannot_be_kept_is_refused(xml: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint):
        keep_document(xml, {0: SPEC})


VALUES = st.sampled_from(
    [
        *("", "1", "0", "-1", "1.5", "1e3", "INF", " 2 ", "true", "Gas Other", "9" * 11, "a" * 40),
        *("Image:0", "Channel:0:0", "urn:lsid:a.b:Image:1", "uint8", "nm", "µm", "red"),
    ]
)
KINDS = (
    *("PositiveInt", "NonNegativeInt", "PositiveFloat", "PercentFraction", "ImageID", "PixelType"),
    *("UnitsLength", "Color", "Hex40", "NonNegativeLong", "UniversallyUniqueIdentifier"),
)


@settings(max_examples=300)
@given(st.sampled_from(KINDS), VALUES)
def test_values_are_judged_as_by_the_schema(kind: str, value: str) -> None:
    assert is_valid(kind, value) == schema().types[kind].is_valid(value)


def test_the_table_is_that_of_the_schema() -> None:
    found = importlib.util.spec_from_file_location("ome_schema", ROOT / ".ci" / "ome_schema.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    assert (ROOT / "pyramid/data/ome-2016-06.json").read_text(encoding="utf-8") == module.make_table()
