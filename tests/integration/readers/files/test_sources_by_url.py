"""TIFF and .npy files at URLs: the pixels of the same files on disk, in few requests, and sentences where it fails."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pytest
import tifffile
from distributed import Client, LocalCluster
from numpy.typing import NDArray

import pyramid
from pyramid.errors import SourceError
from pyramid.model import Source
from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.readers.files.byte_ranges import REQUEST_BYTES
from pyramid.stores import open_objects
from pyramid.testing.sources import SourceContract, random_boxes, read
from tests.support.corpus import tiffs
from tests.support.paths import TIFFS
from tests.support.servers.faults import Fault, FaultProxy, Kind
from tests.support.servers.s3 import SECRET
from tests.support.servers.service import Service
from tests.support.servers.web import WebServer, ranged
from tests.support.stores import digests

PIXELS = np.random.default_rng(7).integers(0, 4000, (2048, 2048), np.uint16)
STACK = PIXELS.reshape(16, 512, 512)
TILED: dict[str, Any] = {"tile": (128, 128), "compression": "zlib"}


def open_url(url: str, **options: Any) -> Source:
    return open_source(url, Options(**options))


def outcome(source: object) -> tuple[object, NDArray[Any]] | None:
    """What is known of a source, and its pixels; None where it is refused."""
    try:
        opened = open_source(source, Options())
        spec = opened.spec
        return (spec.axes, spec.chunks, spec.scale, spec.units, spec.name, spec.channels, spec.notices), read(opened)
    except SourceError:
        return None


def test_a_tiff_at_a_url_is_what_it_is_on_disk() -> None:
    with ranged(TIFFS) as web:
        read_count = 0
        for path in [path for path in tiffs() if path.is_relative_to(TIFFS)][::4]:
            here, there = outcome(path), outcome(web.url(path.relative_to(TIFFS).as_posix()))
            assert (here is None) == (there is None), path
            if here is not None and there is not None:
                assert here[0] == there[0], path
                np.testing.assert_array_equal(here[1], there[1], err_msg=str(path))
                read_count += 1
        assert read_count >= 30


WAYS: dict[str, Callable[[Path], object]] = {
    "tiles.tif": lambda path: tifffile.imwrite(path, PIXELS, **TILED),
    "plain-tiles.tif": lambda path: tifffile.imwrite(path, PIXELS[:1000, :900], tile=(128, 128)),
    "strips.tif": lambda path: tifffile.imwrite(path, PIXELS, rowsperstrip=16, compression="zlib"),
    "flat.tif": lambda path: tifffile.imwrite(path, PIXELS),
    "planar.tif": lambda path: tifffile.imwrite(
        path, STACK[:3], photometric="rgb", planarconfig="separate", rowsperstrip=8, compression="lzw"
    ),
    "stack.ome.tif": lambda path: tifffile.imwrite(path, STACK, ome=True, metadata={"axes": "ZYX"}, **TILED),
    "stack.npy": lambda path: np.save(path, STACK),
}


@pytest.mark.parametrize("name", WAYS)
class TestByUrl(SourceContract):
    @pytest.fixture
    def source(self, name: str, web: WebServer, tmp_path: Path) -> Source:
        WAYS[name](tmp_path / name)
        return open_url(web.url(name))

    @pytest.fixture
    def expected(self, source: Source, name: str, tmp_path: Path) -> NDArray[Any]:
        return read(open_source(tmp_path / name, Options()))


@pytest.mark.parametrize("name", WAYS)
def test_neighbours_are_fetched_together(name: str, web: WebServer, tmp_path: Path) -> None:
    WAYS[name](tmp_path / name)
    size_bytes = (tmp_path / name).stat().st_size
    source = open_url(web.url(name))
    assert len(web.log.requests) <= 2 + (16 if name == "stack.ome.tif" else 0)  # whose pages are a chain
    assert web.log.count("HEAD") == 1
    web.log.clear()
    read(source)
    assert web.log.count("HEAD") == 1  # whether it is still the same
    assert web.log.count("GET") <= 3 + size_bytes // (REQUEST_BYTES // 2)
    assert all(request.byte_range for request in web.log.requests if request.method == "GET")


def test_a_region_asks_for_little_more_than_its_tiles(web: WebServer, tmp_path: Path) -> None:
    WAYS["tiles.tif"](tmp_path / "a.tif")
    source = open_url(web.url("a.tif"))
    web.log.clear()
    for box in random_boxes(source.spec.shape, 0)[1:]:
        np.testing.assert_array_equal(read(source, box), PIXELS[box.slices])
    spans = [request.byte_range.removeprefix("bytes=").split("-") for request in web.log.requests if request.byte_range]
    assert len(spans) == 2
    assert sum(int(stop) - int(start) for start, stop in spans) < 2 * 128 * 128 * 2


def test_a_plan_reads_metadata_alone(web: WebServer, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, **TILED)
    pyramid.plan(web.url("a.tif"))
    assert [(r.method, r.byte_range) for r in web.log.requests] == [("HEAD", ""), ("GET", "bytes=0-65535")]


def test_pages_at_one_distance_are_found_many_at_once(
    web: WebServer, tmp_path: Path, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for _ in range(40):
            writer.write(PIXELS[:1024], contiguous=False, metadata=None)
    proxy = fault_proxy(web.endpoint)
    most = Together(proxy)
    source = open_url(f"{proxy.endpoint}/a.tif", axes="zyx")
    assert source.spec.shape == (40, 1024, 2048)
    assert most.seen >= 8


class Together:
    """The most requests that a proxy had at once; each is held until as many others came, or a while."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.seen, self._now = 0, 0
        self._changing = threading.Lock()
        proxy.latency_s = 0.02
        fault_of = proxy.fault_of

        def counted(request: Any) -> Any:
            with self._changing:
                self._now -= 1
            return fault_of(request)

        enter = proxy.log.enter

        def entered(*arguments: Any) -> Any:
            with self._changing:
                self._now += 1
                self.seen = max(self.seen, self._now)
            return enter(*arguments)

        proxy.fault_of = counted  # type: ignore[method-assign]  # called once a request, after its latency
        proxy.log.enter = entered  # type: ignore[method-assign, assignment]  # called once a request, before its latency


def test_requests_for_pixels_overlap(web: WebServer, tmp_path: Path, fault_proxy: Callable[[str], FaultProxy]) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.tile(PIXELS, (4, 1)), tile=(256, 256))
    proxy = fault_proxy(web.endpoint)
    source = open_url(f"{proxy.endpoint}/a.tif")
    most = Together(proxy)
    np.testing.assert_array_equal(read(source), np.tile(PIXELS, (4, 1)))
    assert most.seen >= 4


@pytest.mark.parametrize("name", WAYS)
def test_a_server_without_ranges_is_asked_for_the_whole_once(name: str, plain_web: WebServer, tmp_path: Path) -> None:
    WAYS[name](tmp_path / name)
    source = open_url(plain_web.url(name))
    assert any("does not support range requests" in notice for notice in source.spec.notices)
    here = read(open_source(tmp_path / name, Options()))
    for box in random_boxes(here.shape, 3):
        np.testing.assert_array_equal(read(source, box), here[box.slices])
    assert sum(r.method == "GET" and not r.byte_range for r in plain_web.log.requests) <= 2


def test_a_url_needs_no_ending_and_may_hold_a_query(web: WebServer, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "image", PIXELS, **TILED)
    (tmp_path / "image.tif").write_bytes((tmp_path / "image").read_bytes())
    for name in ("image", "image?sig=hush", "image.tif?sig=hush"):
        source = open_url(web.url(name))
        assert "hush" not in repr(source) + str(source.spec.location)
        assert b"hush" not in pickle.dumps(source)
        np.testing.assert_array_equal(read(source), PIXELS)
    assert {request.query for request in web.log.requests} == {"", "sig=hush"}


def test_from_the_web_to_s3_are_the_bytes_of_a_local_run(
    web: WebServer, s3: Service, prefix: str, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, ome=True, metadata={"axes": "ZYX"}, **TILED)
    options: dict[str, Any] = {"chunks": {"z": 4, "y": 128, "x": 128}}
    pyramid.convert(tmp_path / "a.ome.tif", tmp_path / "a.ome.zarr", **options)
    url = s3.url(f"{prefix}.ome.zarr")
    pyramid.convert(web.url("a.ome.tif"), url, storage_options=s3.storage_options, **options)
    here = {key: (tmp_path / "a.ome.zarr" / key).read_bytes() for key in digests(tmp_path / "a.ome.zarr")}
    there = s3.objects(f"{prefix}.ome.zarr")
    assert here.keys() == there.keys()
    # the group tells which file it was made from
    assert [key for key in here if here[key] != there[key]] in ([], ["zarr.json"])


def test_a_tiff_on_s3_is_read_with_its_options_and_tells_no_secret(s3: Service, prefix: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, **TILED)
    obstore.put(s3.store(), f"{prefix}/a.tif", tmp_path / "a.tif")
    source = open_url(s3.url(f"{prefix}/a.tif"), source_storage_options=s3.storage_options)
    np.testing.assert_array_equal(read(source), PIXELS)
    assert SECRET not in repr(source)
    assert SECRET.encode() not in pickle.dumps(source)
    assert len(pickle.dumps(source)) < 2000


def test_a_zarr_on_s3_pickles_without_its_secret(s3: Service, prefix: str) -> None:
    url = s3.url(f"{prefix}/a.ome.zarr")
    pyramid.convert(STACK, url, storage_options=s3.storage_options, axes="zyx")
    source = open_url(url, source_storage_options=s3.storage_options)
    assert SECRET.encode() not in pickle.dumps(source)
    np.testing.assert_array_equal(read(source), STACK)


@pytest.mark.parametrize(("version", "most"), [("0.4", 8), ("0.5", 4)])  # two ask for labels and tables
def test_a_zarr_on_the_web_is_opened_in_few_requests(version: str, most: int, web: WebServer, tmp_path: Path) -> None:
    pyramid.convert(STACK, tmp_path / "a.ome.zarr", axes="zyx", ome_zarr_version=version, chunks={"z": 16})
    source = open_url(web.url("a.ome.zarr"))
    assert len(web.log.requests) <= most
    np.testing.assert_array_equal(read(source), STACK)
    assert web.log.count("HEAD") == 0


def test_files_in_memory_are_read_as_others(prefix: str, tmp_path: Path) -> None:
    for name in ("tiles.tif", "stack.npy"):
        WAYS[name](tmp_path / name)
        url = f"memory://{prefix}/{name}"
        open_objects(url).put("", (tmp_path / name).read_bytes())
        np.testing.assert_array_equal(read(open_url(url)), read(open_source(tmp_path / name, Options())))


def test_workers_of_a_cluster_read_from_the_web(web: WebServer, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, **TILED)
    pyramid.convert(tmp_path / "a.tif", tmp_path / "here.zarr", name="a")
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1") as cluster,
        Client(cluster),
    ):
        pyramid.convert(web.url("a.tif"), tmp_path / "there.zarr", name="a")
    here, there = digests(tmp_path / "here.zarr"), digests(tmp_path / "there.zarr")
    assert {key for key in here if here[key] != there[key]} <= {"zarr.json"}
    assert here.keys() == there.keys()


def test_what_cannot_be_read_is_told_with_its_url(web: WebServer, tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("hello")
    (tmp_path / "text.npy").write_text("hello")
    tifffile.imwrite(tmp_path / "short.tif", PIXELS, **TILED)
    (tmp_path / "short.tif").write_bytes((tmp_path / "short.tif").read_bytes()[:200_000])
    for name, sentence in {
        "nowhere.tif": "the file http://.*nowhere.tif does not exist",
        "nowhere.npy": "the file http://.*nowhere.npy does not exist",
        "text.tif": "http://.*text.tif is not a TIFF, though its name says so",
        "text.npy": "http://.*text.npy cannot be read as .npy",
        "short.tif": r"http://.*short.tif: page 0, tile .*the file ends at 200000; it is cut off",
    }.items():
        with pytest.raises(SourceError, match=sentence):
            read(open_url(web.url(name)))


def test_a_file_that_changes_is_refused(web: WebServer, tmp_path: Path) -> None:
    for name, end in (("tiles.tif", b"more"), ("flat.tif", b""), ("stack.npy", b"more")):
        WAYS[name](tmp_path / name)
        source = open_url(web.url(name))
        again = pickle.loads(pickle.dumps(source))
        body = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(body + end if end else body[:-5])
        for each in (source, again):
            with pytest.raises(SourceError, match="has changed since it was opened"):
                read(each)


@pytest.mark.parametrize("name", ["flat.tif", "stack.npy"])
@pytest.mark.parametrize("where", ["web", "s3"])
def test_a_file_that_is_written_anew_at_its_size_is_refused(
    where: str, name: str, web: WebServer, s3: Service, prefix: str, tmp_path: Path
) -> None:
    def write(body: bytes) -> None:
        if where == "s3":
            obstore.put(s3.store(prefix), name, body)
        (tmp_path / name).write_bytes(body)

    WAYS[name](tmp_path / name)
    body = (tmp_path / name).read_bytes()
    write(body)
    url, options = (s3.url(f"{prefix}/{name}"), s3.storage_options) if where == "s3" else (web.url(name), {})
    source = open_url(url, source_storage_options=options)
    again = pickle.loads(pickle.dumps(source)) if where == "web" else source
    read(source)
    write(body[:-1] + bytes([body[-1] ^ 1]))
    for each in (source, again):
        with pytest.raises(SourceError, match=f"{name} has changed since it was opened"):
            read(each)


def test_a_network_that_fails_is_not_taken_for_another_image(
    web: WebServer, tmp_path: Path, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    WAYS["stack.ome.tif"](tmp_path / "a.ome.tif")
    proxy = fault_proxy(web.endpoint)
    count = 0
    open_url(f"{proxy.endpoint}/a.ome.tif")
    opening = len(proxy.log.requests)
    for at in range(1, opening):
        proxy.heal()
        proxy.inject(Fault(Kind.UNAVAILABLE, "GET", at=at, times=float("inf")))
        with pytest.raises(SourceError, match=r"a\.ome\.tif.*503"):
            open_url(f"{proxy.endpoint}/a.ome.tif", source_storage_options={"retries": 0})
        count += 1
    assert count >= 2


def test_a_server_that_refuses_is_told_without_what_is_secret(
    web: WebServer, tmp_path: Path, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    WAYS["tiles.tif"](tmp_path / "a.tif")
    proxy = fault_proxy(web.endpoint)
    proxy.inject(Fault(Kind.UNAVAILABLE, times=float("inf")))
    with pytest.raises(SourceError, match=r"http://.*/a\.tif failed .*503") as caught:
        open_url(f"{proxy.endpoint}/a.tif?sig=hush", source_storage_options={"retries": 1})
    assert "hush" not in str(caught.value)


def test_a_body_damaged_on_its_way_is_an_error_where_the_codec_can_tell(
    web: WebServer, tmp_path: Path, fault_proxy: Callable[[str], FaultProxy]
) -> None:
    WAYS["tiles.tif"](tmp_path / "a.tif")
    proxy = fault_proxy(web.endpoint)
    source = open_url(f"{proxy.endpoint}/a.tif")
    proxy.inject(Fault(Kind.CORRUPT_DOWN, "GET"))
    with pytest.raises(SourceError, match=r"http://.*a\.tif: page 0, tile"):
        read(source)


def test_files_beside_one_at_a_url_are_not_looked_for(web: WebServer, tmp_path: Path) -> None:
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:a">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="512" SizeY="512" '
        'SizeZ="2" SizeC="1" SizeT="1"><Channel ID="Channel:0" SamplesPerPixel="1"/>'
        '<TiffData IFD="0" FirstZ="0" PlaneCount="1"><UUID FileName="a.ome.tif">urn:uuid:a</UUID></TiffData>'
        '<TiffData IFD="0" FirstZ="1" PlaneCount="1"><UUID FileName="b.ome.tif">urn:uuid:b</UUID></TiffData>'
        "</Pixels></Image></OME>"
    )
    for name, plane in (("a.ome.tif", STACK[0]), ("b.ome.tif", STACK[1])):
        tifffile.imwrite(tmp_path / name, plane, description=xml, metadata=None)
    with pytest.raises(SourceError, match=r"http://.*a\.ome\.tif: .*b\.ome\.tif; only the file at the URL is read"):
        open_url(web.url("a.ome.tif"))
    assert web.log.count(key="b.ome.tif") == 0
