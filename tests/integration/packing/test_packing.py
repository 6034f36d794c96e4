"""Archives that are written, in the order of RFC-9, and read in place by every command and by other programs."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import pyramid
from pyramid.packing import archiving
from pyramid.stores import open_objects, streams
from tests.support.archives import COMMENT, comment_of, read_tree, read_zip, write_group, write_zip
from tests.support.servers.faults import FaultProxy
from tests.support.servers.service import Service
from tests.support.servers.web import WebServer

IMAGE = np.random.default_rng(5).integers(0, 4000, (2, 300, 280), "uint16")
OPTIONS: dict[str, Any] = {"axes": "cyx", "chunks": {"y": 64, "x": 64}, "shards": {"y": 128, "x": 128}, "min_size": 100}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pyramid.convert(IMAGE, tmp_path / "cells.ome.zarr", **OPTIONS)
    return tmp_path / "cells.ome.zarr"


@pytest.fixture
def archive(folder: Path) -> Path:
    pyramid.pack(folder, folder.with_name("cells.ozx"))
    return folder.with_name("cells.ozx")


def pixels(url: str, **options: Any) -> list[np.ndarray[Any, Any]]:
    return [np.asarray(level.data) for level in pyramid.open(url, **options).levels]


def test_documents_are_first_and_nothing_is_compressed(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        found = opened.infolist()
    names = [one.filename for one in found]
    documents = [name for name in names if name.endswith("zarr.json")]
    assert names[: len(documents)] == documents == ["zarr.json", "0/zarr.json", "1/zarr.json", "2/zarr.json"]
    assert [one.header_offset for one in found] == sorted(one.header_offset for one in found)
    assert {one.compress_type for one in found} == {zipfile.ZIP_STORED}
    assert comment_of(archive) == COMMENT
    assert read_zip(archive) == read_tree(archive.with_name("cells.ome.zarr"))


def test_convert_writes_what_pack_writes(folder: Path, archive: Path, tmp_path: Path) -> None:
    image = pyramid.convert(IMAGE, tmp_path / "direct.ozx", **OPTIONS, name="cells")
    pyramid.convert(IMAGE, tmp_path / "named.ome.zarr", **OPTIONS, name="cells")
    pyramid.pack(tmp_path / "named.ome.zarr", tmp_path / "packed.ozx")
    assert (tmp_path / "direct.ozx").read_bytes() == (tmp_path / "packed.ozx").read_bytes()
    assert image.url == str(tmp_path / "direct.ozx")
    assert not list(tmp_path.glob("*.unfinished"))


def test_every_command_reads_an_archive_as_the_folder(folder: Path, archive: Path, tmp_path: Path) -> None:
    in_folder, in_archive = pyramid.info(folder).to_dict(), pyramid.info(archive).to_dict()
    assert {**in_archive, "url": ""} == {**in_folder, "url": ""}
    for ours, theirs in zip(pixels(str(archive)), pixels(str(folder)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert str(pyramid.manifest(archive)) == str(pyramid.manifest(folder))
    assert pyramid.verify(archive).ok
    pyramid.download(archive, tmp_path / "copy.ome.zarr")
    assert read_tree(tmp_path / "copy.ome.zarr") == read_tree(folder)
    again = pyramid.convert(str(archive), tmp_path / "again.ome.zarr", **{**OPTIONS, "axes": None})
    np.testing.assert_array_equal(np.asarray(again.levels[0].data), IMAGE)
    one = pyramid.convert(f"{archive}::0", tmp_path / "one.ome.zarr", axes="cyx")
    np.testing.assert_array_equal(np.asarray(one.levels[0].data), IMAGE)


def test_zarr_reads_ours_and_we_read_that_of_zarr(archive: Path, tmp_path: Path) -> None:
    theirs = zarr.open_group(zarr.storage.ZipStore(archive), mode="r")
    np.testing.assert_array_equal(np.asarray(theirs["0"][...]), IMAGE)  # type: ignore[index]  # an array
    with zarr.storage.ZipStore(tmp_path / "zarr.ozx", mode="w") as store:
        made = zarr.create_array(store, shape=IMAGE.shape, dtype=IMAGE.dtype, chunks=(1, 100, 100))
        made[...] = IMAGE
    image = pyramid.convert(str(tmp_path / "zarr.ozx"), tmp_path / "b.ome.zarr", axes="cyx")
    np.testing.assert_array_equal(np.asarray(image.levels[0].data), IMAGE)


def test_an_image_in_a_packed_collection_opens(folder: Path, tmp_path: Path) -> None:
    plate = {"wells": [{"path": "A/1", "rowIndex": 0, "columnIndex": 0}], "rows": [{"name": "A"}]}
    outer = zarr.create_group(
        tmp_path / "p.ome.zarr", attributes={"ome": {"version": "0.5", "plate": {**plate, "columns": [{"name": "1"}]}}}
    )
    outer.create_group("A").create_group(
        "1", attributes={"ome": {"version": "0.5", "well": {"images": [{"path": "0"}]}}}
    )
    folder.rename(tmp_path / "p.ome.zarr/A/1/0")
    pyramid.pack(tmp_path / "p.ome.zarr", tmp_path / "p.ozx")
    assert "plate" in str(pyramid.info(tmp_path / "p.ozx"))
    np.testing.assert_array_equal(pixels(str(tmp_path / "p.ozx/A/1/0"))[0], IMAGE)


def test_it_is_read_over_the_web_by_ranges(archive: Path, web: WebServer) -> None:
    np.testing.assert_array_equal(pixels(web.url("cells.ozx"))[0], IMAGE)
    sizes = [request.byte_range for request in web.log.requests if request.method == "GET"]
    assert sizes
    assert all(sizes)
    assert str(pyramid.manifest(web.url("cells.ozx"))) == str(pyramid.manifest(archive))


def test_a_server_without_ranges_is_named(archive: Path, plain_web: WebServer) -> None:
    with pytest.raises(pyramid.SourceError, match="sends no parts of files; copy it here"):
        pyramid.open(plain_web.url("cells.ozx"))


def test_a_bucket_has_it_after_one_upload_and_is_read_in_place(
    folder: Path, archive: Path, s3: Service, prefix: str, tmp_path: Path
) -> None:
    url, options = s3.url(f"{prefix}/cells.ozx"), s3.storage_options
    pyramid.pack(folder, url, storage_options=options)
    assert s3.objects(prefix) == {"cells.ozx": archive.read_bytes()}
    np.testing.assert_array_equal(pixels(url, storage_options=options)[0], IMAGE)
    pyramid.unpack(url, tmp_path / "back", storage_options=options)
    assert read_tree(tmp_path / "back") == read_tree(folder)
    with pytest.raises(pyramid.TargetError, match="exists"):
        pyramid.pack(folder, url, storage_options=options)
    pyramid.convert(IMAGE, url, **OPTIONS, name="cells", storage_options=options, overwrite=True)
    assert set(s3.objects(prefix)) == {"cells.ozx"}


def test_a_bucket_gets_one_upload_of_parts_or_nothing(
    s3: Service, fault_proxy: Callable[[str], FaultProxy], prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "_PART_BYTES", 5 * 2**20)
    proxy = fault_proxy(s3.endpoint)
    objects = open_objects(s3.url(f"{prefix}/large"), s3.through(proxy.endpoint).storage_options)
    body = bytes(range(256)) * 2**12

    def broken() -> Iterator[bytes]:
        yield from [body] * 7
        raise pyramid.SourceError("it is gone")

    with pytest.raises(pyramid.SourceError, match="it is gone"):
        objects.put_stream("", broken, 0)
    assert not s3.objects(prefix)
    before = len(proxy.log.requests)
    objects.put_stream("", lambda: [body] * 12, 12 * len(body))
    assert s3.objects(prefix) == {"large": body * 12}
    asked = [(request.method, request.query.partition("=")[0]) for request in proxy.log.requests[before:]]
    assert (asked[0], asked[-1]) == (("POST", "uploads"), ("POST", "uploadId"))
    assert sorted(asked[1:-1]) == [("PUT", "partNumber")] * 3


def test_large_objects_are_read_in_pieces(
    folder: Path, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "MAX_HELD_BYTES", 1000)
    monkeypatch.setattr(archiving, "PIECE_BYTES", 777)
    pyramid.pack(folder, tmp_path / "pieces.ozx")
    assert (tmp_path / "pieces.ozx").read_bytes() == archive.read_bytes()


def test_more_objects_than_16_bits_count_are_packed_and_read(tmp_path: Path, prefix: str) -> None:
    objects = open_objects(f"memory://{prefix}/many.ome.zarr")
    for key, body in read_tree(write_group(tmp_path / "g")).items():
        objects.put(key, body)
    for number in range(65_600):
        objects.put(f"0/c/{number}", b"%d" % number)
    assert pyramid.pack(f"memory://{prefix}/many.ome.zarr", tmp_path / "many.ozx").objects == 65_601
    with zipfile.ZipFile(tmp_path / "many.ozx") as opened:
        assert len(opened.namelist()) == 65_601
        assert opened.read("0/c/65599") == b"65599"
    assert open_objects(str(tmp_path / "many.ozx")).get("0/c/65599") == b"65599"


def test_an_archive_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.ozx", {"k": b"old"})
    assert open_objects(str(path)).get("k") == b"old"
    write_zip(tmp_path / "b.ozx", {"k": b"newer"}).replace(path)
    assert open_objects(str(path)).get("k") == b"newer"


def test_a_folder_named_as_an_archive_is_a_folder(folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "folder.ozx")
    assert len(pyramid.open(tmp_path / "folder.ozx").levels) == 3
    with pytest.raises(pyramid.TargetError, match="is a folder"):
        pyramid.pack(tmp_path / "folder.ozx", tmp_path / "folder.ozx")
