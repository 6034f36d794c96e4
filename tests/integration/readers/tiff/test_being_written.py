"""Files that are still being written are found out, and those that change end the run."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import tifffile

import pyramid
from pyramid.errors import SourceError
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.readers.files import being_written
from pyramid.readers.files.being_written import check_written
from pyramid.testing.sources import read
from tests.support.tiff_kinds.microscopes import pixels


def test_a_file_that_another_process_has_open_to_write_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels(40, 50))
    code = "import sys; file = open(sys.argv[1], 'r+b'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "a.tif")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(SourceError, match="still being written"):
            pyramid.plan(tmp_path / "a.tif")
        writer.stdin.close()
    assert pyramid.plan(tmp_path / "a.tif").spec.shape == (40, 50)


def test_a_file_that_has_not_changed_for_long_is_read_though_it_is_open_to_write(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels(40, 50))
    long_ago = time.time() - 2 * being_written.IDLE_S
    with (tmp_path / "a.tif").open("r+b"):
        os.utime(tmp_path / "a.tif", (long_ago, long_ago))
        assert pyramid.plan(tmp_path / "a.tif").spec.shape == (40, 50)


def test_a_file_that_grows_is_refused_where_there_are_no_leases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(being_written, "_is_open_to_write", lambda _: None)
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0")
    ended = threading.Event()

    def grow() -> None:
        while not ended.wait(0.02):
            with path.open("ab") as file:
                file.write(b"\0")

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        with pytest.raises(SourceError, match="it has grown by"):
            check_written(path)
    finally:
        ended.set()
        thread.join()
    check_written(path)


def test_last_pages_without_pixels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tif:
        for plane in pixels(3, 40, 50):
            tif.write(plane, contiguous=False, metadata=None)
    with tifffile.TiffFile(path) as tif:
        tags = [tif.pages[2].aspage().tags[code] for code in (273, 279)]
    data = bytearray(path.read_bytes())
    for tag in tags:
        struct.pack_into("<I" if tag.dtype == 4 else "<H", data, tag.valueoffset, 0)
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"the last 1 of its 3 pages have no pixels yet"):
        pyramid.plan(path)


def test_a_header_without_a_page_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(struct.pack("<2sHI", b"II", 42, 0) + bytes(64))
    with pytest.raises(SourceError, match=r"a\.tif"):
        pyramid.plan(tmp_path / "a.tif")


def test_a_file_of_a_set_that_changes_ends_the_run(tmp_path: Path) -> None:
    names = [f"{letter}.ome.tif" for letter in "ab"]
    data = "".join(
        f'<TiffData FirstT="{i}" IFD="0" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{i}</UUID></TiffData>'
        for i, name in enumerate(names)
    )
    sizes = 'DimensionOrder="XYZCT" Type="uint16" SizeX="300" SizeY="261" SizeZ="1" SizeC="1" SizeT="2"'
    for i, name in enumerate(names):
        xml = f'<OME UUID="urn:uuid:{i}"><Image ID="Image:0"><Pixels ID="P:0" {sizes}>{data}</Pixels></Image></OME>'
        tifffile.imwrite(tmp_path / name, pixels(261, 300), description=xml, metadata=None)

    source = open_source(tmp_path / names[0], Options())
    assert read(source).shape == (2, 261, 300)
    os.utime(tmp_path / names[1], (1, 1))
    with pytest.raises(SourceError, match=r"b\.ome\.tif has changed since it was opened"):
        read(source)
