"""OME-TIFFs as schema, folders and people make them: each plane has its page, or the image is refused."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from pyramid.errors import OptionError, SourceError
from pyramid.model import Channel
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import read

PLAIN: dict[str, Any] = {"photometric": "minisblack", "metadata": None}
SIX = 'SizeX="30" SizeY="20" SizeZ="3" SizeC="2" SizeT="1"'
STACK = np.random.default_rng(0).integers(1, 60_000, (6, 20, 30)).astype("uint16")
NAMES = ("s0.ome.tif", "s1.ome.tif", "s2.ome.tif")


def document(body: str, uuid: str = "") -> bytes:
    root = f' UUID="urn:uuid:{uuid}"' if uuid else ""
    return f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{root}>{body}</OME>'.encode()


def image(sizes: str, inner: str, order: str = "XYZCT") -> str:
    pixels = f'<Pixels ID="Pixels:0" DimensionOrder="{order}" Type="uint16" {sizes}>{inner}</Pixels>'
    return f'<Image ID="Image:0" Name="a">{pixels}</Image>'


def places(names: tuple[str, ...]) -> str:
    return "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{z}</UUID></TiffData>'
        for z, name in enumerate(names)
    )


def open_path(path: Path, **options: Any) -> Any:
    return open_source(path, Options(**options))


@pytest.fixture
def one(tmp_path: Path) -> Any:
    def make(inner: str, sizes: str = SIX, pages: int = 6, order: str = "XYZCT", uuid: str = "") -> Any:
        xml = document(image(sizes, inner, order), uuid)
        tifffile.imwrite(tmp_path / "one.ome.tif", STACK[:pages], description=xml, **PLAIN)
        return open_path(tmp_path / "one.ome.tif")

    return make


IN_ORDER = STACK.reshape(2, 3, 20, 30)


@pytest.mark.parametrize(
    ("inner", "order", "expected"),
    [
        ("", "XYZCT", IN_ORDER),
        ("", "XYCZT", STACK.reshape(3, 2, 20, 30).swapaxes(0, 1)),
        ("<TiffData/>", "XYZCT", IN_ORDER),
        ('<TiffData IFD="0" PlaneCount="6"/>', "XYZCT", IN_ORDER),
        ('<TiffData IFD="0" NumPlanes="6"/>', "XYZTC", IN_ORDER),
        ('<TiffData PlaneCount="3"/><TiffData FirstC="1" IFD="3" PlaneCount="3"/>', "XYZCT", IN_ORDER),
        (
            "".join(f'<TiffData FirstZ="{z}" FirstC="{c}" IFD="{c * 3 + z}"/>' for z in range(3) for c in range(2)),
            "XYCZT",
            IN_ORDER,
        ),
        (
            "".join(f'<TiffData FirstZ="{z}" FirstC="{c}" IFD="{5 - c * 3 - z}"/>' for z in range(3) for c in range(2)),
            "XYZCT",
            STACK[::-1].reshape(2, 3, 20, 30),
        ),
    ],
)
def test_planes_are_where_the_schema_says(inner: str, order: str, expected: NDArray[Any], one: Any) -> None:
    source = one(inner, order=order)
    assert source.spec.axes == "czyx"
    np.testing.assert_array_equal(read(source), expected)
    np.testing.assert_array_equal(read(pickle.loads(pickle.dumps(source))), expected)


@pytest.mark.parametrize(
    ("inner", "changes", "complaint"),
    [
        ('<TiffData IFD="0"/>', {}, "5 of them have no page, the first at T=0, C=0, Z=1"),
        ("<TiffData/>", {"pages": 4}, "2 of them have no page"),
        ("", {"pages": 4}, "2 of them have no page"),
        ('<TiffData PlaneCount="6"/>', {"pages": 4}, "which has 4 pages"),
        ('<TiffData PlaneCount="7"/>', {}, "has 6 left"),
        ('<TiffData/><TiffData FirstC="1" IFD="0"/>', {}, "names two pages for plane 3"),
        ('<TiffData IFD="9"/>', {}, "pages that its OME-XML names are missing"),
        ("", {"sizes": SIX.replace("30", "40")}, "planes of 40x20 pixels, but its pages have 30x20"),
        ("", {"sizes": SIX.replace("20", "21")}, "planes of 30x21 pixels"),
        ("", {"sizes": SIX.replace("30", "0")}, "SizeX='0'"),
        ("", {"order": "XYZ"}, "order of dimensions as 'XYZ'"),
        ("", {"sizes": SIX.replace("SizeZ", "SizeQ")}, "SizeZ=''"),
        ('<Channel SamplesPerPixel="3"/>', {}, "samples of a pixel"),
    ],
)
def test_what_xml_and_pages_say_differently_is_refused(inner: str, changes: Any, complaint: str, one: Any) -> None:
    with pytest.raises(SourceError, match=rf"one\.ome\.tif: .*{complaint}"):
        one(inner, **changes)


def test_a_type_that_the_pages_do_not_have_is_refused(tmp_path: Path) -> None:
    xml = document(image(SIX, "").replace("uint16", "int16"))
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, description=xml, **PLAIN)
    with pytest.raises(SourceError, match="type 'int16', but its pages hold uint16"):
        open_path(tmp_path / "a.ome.tif")


def test_pages_that_the_xml_does_not_count_are_named(one: Any) -> None:
    source = one("", sizes=SIX.replace('Z="3"', 'Z="2"'))
    assert any("2 of its 6 pages are left out" in notice for notice in source.spec.notices)
    np.testing.assert_array_equal(read(source), STACK[:4].reshape(2, 2, 20, 30))


@pytest.mark.parametrize("uuid", ["1", ""])
def test_a_file_that_was_renamed_is_found_in_its_own_xml(uuid: str, one: Any) -> None:
    where = '<TiffData IFD="0" PlaneCount="6"><UUID FileName="old.ome.tif">urn:uuid:1</UUID></TiffData>'
    np.testing.assert_array_equal(read(one(where, uuid=uuid)), IN_ORDER)


@pytest.mark.parametrize(
    ("inner", "channels"),
    [
        ('<Channel Name="DAPI"/><Channel Color="16711935"/>', (Channel("DAPI"), Channel(None, "00FF00"))),
        ('<Channel/><Channel Name="Cy5"/>', (Channel(), Channel("Cy5"))),
        ('<Channel Name="DAPI"/>', (Channel("DAPI"), Channel())),
        ("<Channel/><Channel/>", ()),
    ],
)
def test_channels_keep_their_index(inner: str, channels: tuple[Channel, ...], one: Any) -> None:
    assert one(inner).spec.channels == channels


def test_an_image_of_one_channel_has_its_name(one: Any) -> None:
    sizes = SIX.replace('SizeC="2"', 'SizeC="1"').replace('SizeZ="3"', 'SizeZ="6"')
    source = one('<Channel Name="Alexa" Color="-16776961"/>', sizes=sizes)
    assert (source.spec.axes, source.spec.channels) == ("zyx", (Channel("Alexa", "FF0000"),))


def test_what_ome_zarr_has_no_place_for_is_named(tmp_path: Path) -> None:
    extra = '<StructuredAnnotations><MapAnnotation ID="Annotation:0"/></StructuredAnnotations><ROI ID="ROI:0"/><Plate/>'
    xml = document(image(SIX, '<TiffData/><Plane TheZ="0" TheC="0" TheT="0" PositionX="3"/>') + extra)
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, description=xml, **PLAIN)
    assert open_path(tmp_path / "a.ome.tif").spec.notices == ()  # the XML is kept
    (notice,) = open_path(tmp_path / "a.ome.tif", ome_xml=False).spec.notices
    for word in ("not carried over", "stage positions", "annotations", "regions of interest", "plate"):
        assert word in notice


@pytest.mark.parametrize(
    ("inner", "after", "words"),
    [
        ('<TiffData/><Plane TheZ="0" TheC="0" TheT="0" DeltaT="2" DeltaTUnit="s"/>', "", "times of planes (DeltaT)"),
        ('<Channel Fluor="GFP"/><TiffData/>', "", "Fluor (Channel)"),
        (
            '<Channel EmissionWavelength="520"><DetectorSettings/></Channel>',
            "",
            "wavelengths of channels, the detector",
        ),
        ("<TiffData/>", '<Project ID="P:0"><Description>a</Description></Project>', "Project"),
        ("<TiffData/>", "<StructuredAnnotations><LongAnnotation/></StructuredAnnotations>", "annotations"),
    ],
)
def test_whatever_ome_xml_says_besides_is_named(inner: str, after: str, words: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, description=document(image(SIX, inner) + after), **PLAIN)
    (notice,) = open_path(tmp_path / "a.ome.tif", ome_xml=False).spec.notices
    assert notice.startswith(f"not carried over from OME-XML: {words}")


def test_ome_xml_of_which_all_is_carried_over_gives_no_notice(tmp_path: Path) -> None:
    inner = (
        '<Channel Name="a"><LightPath/></Channel><Channel ID="Channel:0:1"><AnnotationRef ID="A"/></Channel><TiffData/>'
    )
    sizes = f'{SIX} BigEndian="false" SignificantBits="16" PhysicalSizeX="2" PhysicalSizeXUnit="nm"'
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, description=document(image(sizes, inner)), **PLAIN)
    assert open_path(tmp_path / "a.ome.tif").spec.notices == ()


@pytest.mark.parametrize(
    ("axes", "shape", "scale", "names"),
    [
        (None, (2, 3, 20, 30), (None, 4.0, 2.0, 2.0), ("a", "b")),
        ("tzyx", (2, 3, 20, 30), (None, 4.0, 2.0, 2.0), ()),
        ("zcyx", (3, 2, 20, 30), (None, None, 2.0, 2.0), ()),
        ("czxy", (2, 3, 30, 20), (None, 4.0, 2.0, 2.0), ("a", "b")),
    ],
)
def test_what_is_said_of_a_dimension_does_not_go_to_another(
    axes: str | None, shape: Any, scale: Any, names: tuple[str, ...], tmp_path: Path
) -> None:
    sizes = f'{SIX} PhysicalSizeX="2" PhysicalSizeY="2" PhysicalSizeZ="4"'
    xml = document(image(sizes, '<Channel Name="a"/><Channel Name="b"/><TiffData/>'))
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, description=xml, **PLAIN)
    spec = open_path(tmp_path / "a.ome.tif", axes=axes).spec
    assert (spec.shape, spec.scale) == (shape, scale)
    assert tuple(channel.name for channel in spec.channels) == names
    assert any("the names of its channels (a, b) are not taken" in notice for notice in spec.notices) != bool(names)
    assert any("the size of z is not taken" in notice for notice in spec.notices) == (axes == "zcyx")


def test_ome_xml_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    xml = document(image(SIX, "<TiffData/>"))
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, description=xml[:-20], **PLAIN)
    with pytest.raises(SourceError, match="not well-formed"):
        open_path(tmp_path / "a.ome.tif")


def write_set(folder: Path, names: tuple[str, ...] = NAMES, **changes: Any) -> None:
    """Three slices, a file each; `names` are those that the files have."""
    for z, name in enumerate(names):
        xml = document(image('SizeX="30" SizeY="20" SizeZ="3" SizeC="1" SizeT="1"', places(NAMES)), str(z))
        options = {"compression": "zlib", **PLAIN, **(changes if z == 1 else {})}
        data = options.pop("data", STACK[z])
        tifffile.imwrite(folder / name, data, description=xml, **options)


@pytest.mark.parametrize(
    "changes",
    [{}, {"byteorder": ">"}, {"rowsperstrip": 7}, {"tile": (16, 16)}, {"compression": None}, {"predictor": True}],
)
def test_each_file_of_a_set_is_read_as_it_is_stored(changes: Any, tmp_path: Path) -> None:
    write_set(tmp_path, **changes)
    for name in NAMES:
        np.testing.assert_array_equal(read(open_path(tmp_path / name)), STACK[:3])


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"data": STACK[1, :19]}, r"s1\.ome\.tif has shape \(19, 30\)"),
        ({"data": STACK[1].astype("uint8")}, r"s1\.ome\.tif has dtype uint8"),
        ({"photometric": "miniswhite"}, "photometric"),
    ],
)
def test_files_that_are_not_alike_are_refused(changes: Any, complaint: str, tmp_path: Path) -> None:
    write_set(tmp_path, **changes)
    with pytest.raises(SourceError, match=complaint):
        open_path(tmp_path / "s0.ome.tif")


def test_files_that_are_missing_are_named(tmp_path: Path) -> None:
    write_set(tmp_path)
    for name in NAMES[1:]:
        (tmp_path / name).unlink()
    with pytest.raises(SourceError, match=r"names 2 files that are not there: s1\.ome\.tif, s2\.ome\.tif; put all"):
        open_path(tmp_path / "s0.ome.tif")


def test_files_that_were_renamed_are_found_by_their_uuid(tmp_path: Path) -> None:
    write_set(tmp_path, ("x.ome.tif", "y.tif", "s0.ome.tif"))  # the third has the first one's name
    for name in ("x.ome.tif", "y.tif", "s0.ome.tif"):
        np.testing.assert_array_equal(read(open_path(tmp_path / name)), STACK[:3])


def test_another_file_of_the_same_name_is_refused(tmp_path: Path) -> None:
    write_set(tmp_path)
    xml = document(image('SizeX="30" SizeY="20" SizeZ="1" SizeC="1" SizeT="1"', ""), "another")
    tifffile.imwrite(tmp_path / "s1.ome.tif", STACK[5], description=xml, **PLAIN)
    with pytest.raises(SourceError, match=r"s1\.ome\.tif with the UUID urn:uuid:1, but that file has .*another"):
        open_path(tmp_path / "s0.ome.tif")


def test_a_file_of_a_set_that_was_cut_off_is_named(tmp_path: Path) -> None:
    write_set(tmp_path)
    os.truncate(tmp_path / "s2.ome.tif", (tmp_path / "s2.ome.tif").stat().st_size - 10)
    with pytest.raises(SourceError, match=r"s2\.ome\.tif.*cut off"):
        open_path(tmp_path / "s0.ome.tif")


def write_companion(folder: Path, name: str, named: str) -> None:
    """Three slices, and a companion under `name` that they call `named`."""
    xml = image('SizeX="30" SizeY="20" SizeZ="3" SizeC="1" SizeT="1" PhysicalSizeZ="2"', places(NAMES))
    (folder / name).write_bytes(document(xml, "9"))
    for z, file in enumerate(NAMES):
        only = document(f'<BinaryOnly MetadataFile="{named}" UUID="urn:uuid:9"/>', str(z))
        tifffile.imwrite(folder / file, STACK[z], description=only, **PLAIN)


@pytest.mark.parametrize("name", ["a.companion.ome", "a.ome.xml", "renamed.companion.ome"])
def test_a_companion_describes_the_whole_set(name: str, tmp_path: Path) -> None:
    write_companion(tmp_path, name, "a.companion.ome" if "renamed" in name else name)
    for given in (*NAMES, name):
        source = open_path(tmp_path / given)
        assert (source.spec.axes, source.spec.scale) == ("zyx", (2.0, None, None))
        np.testing.assert_array_equal(read(pickle.loads(pickle.dumps(source))), STACK[:3])


def test_a_companion_that_is_missing_is_named(tmp_path: Path) -> None:
    write_companion(tmp_path, "a.companion.ome", "a.companion.ome")
    (tmp_path / "a.companion.ome").unlink()
    with pytest.raises(SourceError, match=r"metadata is in a\.companion\.ome, which is not there"):
        open_path(tmp_path / "s0.ome.tif")


@pytest.mark.parametrize("text", ["<OME><Image", "<OME/>", "<html/>", "<", '<!DOCTYPE a [<!ENTITY b "c">]><OME/>'])
def test_a_companion_that_describes_nothing_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.companion.ome").write_text(text)
    with pytest.raises(SourceError, match=r"a\.companion\.ome"):
        open_path(tmp_path / "a.companion.ome")


def test_a_master_file_describes_the_whole_set(tmp_path: Path) -> None:
    for z, name in enumerate(NAMES):
        whole = image('SizeX="30" SizeY="20" SizeZ="3" SizeC="1" SizeT="1"', places(NAMES))
        xml = document('<BinaryOnly MetadataFile="s0.ome.tif" UUID="urn:uuid:0"/>' if z else whole, str(z))
        tifffile.imwrite(tmp_path / name, STACK[z], description=xml, **PLAIN)
    for name in NAMES:
        np.testing.assert_array_equal(read(open_path(tmp_path / name)), STACK[:3])


@pytest.mark.parametrize("options", [{"axes": "yx"}, {"axes": "tczyx"}, {"series": 5}])
def test_options_that_contradict_the_file_are_option_errors(options: Any, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK, **PLAIN)
    with pytest.raises(OptionError):
        open_path(tmp_path / "a.tif", **options)
