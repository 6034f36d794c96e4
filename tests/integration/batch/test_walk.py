"""A walk through a folder: every image once, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import pyramid
from pyramid.batch.gathering import gather
from pyramid.batch.walk import Walk
from pyramid.errors import OptionError, SourceError
from pyramid.options.convert import Options
from tests.support import trees

IMAGE = np.arange(64, dtype="uint8").reshape(8, 8)


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, IMAGE, photometric="minisblack")


def found(folder: Path) -> tuple[list[str], list[str]]:
    walk = Walk(Options(), None)
    names = [request.name for request in walk.images(folder)]
    return names, [str(Path(path).relative_to(folder)) for path in walk.left_out]


def test_images_of_all_kinds_are_found_and_other_files_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.ome.tif")
    write(tmp_path / "sub/deep/b.TIFF")
    write(tmp_path / "sub/without ending")
    np.save(tmp_path / "c.npy", IMAGE)
    trees.image(tmp_path / "d.ome.zarr", 3)
    trees.array(tmp_path / "raw/e.zarr", IMAGE)
    trees.group(tmp_path / "group.zarr", {}, 3)
    trees.image(tmp_path / "group.zarr/f", 3)
    (tmp_path / "damaged.tif").write_bytes(b"no TIFF")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    write(tmp_path / ".hidden.tif")
    write(tmp_path / ".cache/x.tif")
    names, left_out = found(tmp_path)
    assert sorted(names) == [
        *("a.ome.zarr", "c.ome.zarr", "d.ome.zarr", "damaged.ome.zarr", "group.zarr/f.ome.zarr"),
        *("raw/e.ome.zarr", "sub/deep/b.ome.zarr", "sub/without ending.ome.zarr"),
    ]
    assert sorted(left_out) == ["notes.txt", "photo.jpg"]


def test_links_that_lead_around_end(tmp_path: Path) -> None:
    write(tmp_path / "in/a.tif")
    (tmp_path / "in/self").symlink_to(tmp_path / "in")
    (tmp_path / "in/up").symlink_to(tmp_path)
    (tmp_path / "in/broken").symlink_to(tmp_path / "nowhere")
    (tmp_path / "in/b.tif").symlink_to(tmp_path / "in/a.tif")
    assert found(tmp_path / "in")[0] == ["a.ome.zarr", "b.ome.zarr"]


@pytest.mark.parametrize("has_companion", [False, True])
def test_a_set_of_files_is_one_image(has_companion: bool, tmp_path: Path) -> None:
    """Two sets of three files each: one in which each file names all, one with a companion."""
    for group in ("p", "q"):
        files = [f"{group}{number}.ome.tif" for number in range(3)]
        data = "".join(
            f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{group}{z}</UUID>'
            "</TiffData>"
            for z, name in enumerate(files)
        )
        xml = (
            '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{0}">'
            '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="8" SizeY="8" '
            f'SizeZ="3" SizeC="1" SizeT="1"><Channel ID="Channel:0" SamplesPerPixel="1"/>{data}</Pixels></Image></OME>'
        )
        companion = f'<BinaryOnly MetadataFile="{group}.companion.ome"/>'
        binary = '<?xml version="1.0"?><OME UUID="urn:uuid:{0}">' + companion + "</OME>"
        for z, name in enumerate(files):
            text = (binary if has_companion else xml).replace("{0}", f"{group}{z}")
            tifffile.imwrite(tmp_path / name, IMAGE + z, description=text, metadata=None)
        if has_companion:
            (tmp_path / f"{group}.companion.ome").write_text(xml.replace("{0}", group))
    names, left_out = found(tmp_path)
    assert names == (["p.ome.zarr", "q.ome.zarr"] if has_companion else ["p0.ome.zarr", "q0.ome.zarr"])
    assert left_out == []
    report = pyramid.convert(tmp_path, tmp_path / "out", each=True)
    image = pyramid.open(report.done[0].target)
    np.testing.assert_array_equal(image.levels[0].data.compute(), np.stack([IMAGE, IMAGE + 1, IMAGE + 2]))


def test_the_folder_that_is_written_to_is_not_entered(tmp_path: Path) -> None:
    write(tmp_path / "a.tif")
    write(tmp_path / "out/b.tif")
    batch = gather(str(tmp_path), str(tmp_path / "out"), Options(), each=True)
    assert [item.name for item in batch.items] == ["a.ome.zarr"]


def test_a_folder_without_images_and_one_that_is_missing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(OptionError, match=r"holds no image that can be read; there is .*notes\.txt"):
        gather(str(tmp_path), str(tmp_path / "out"), Options(), each=True)
    with pytest.raises(pyramid.BatchError, match="does not exist"):
        pyramid.convert(tmp_path / "none", tmp_path / "out", each=True)


def test_a_folder_that_may_not_be_listed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(SourceError, match="Permission denied; ask its owner"):
        gather(str(tmp_path), str(tmp_path / "out"), Options(), each=True)
