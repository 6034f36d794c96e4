"""What the server gives, to whom, and what it refuses."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

import pyramid
from pyramid.errors import OptionError, SourceError
from pyramid.viewing.answers import GoneError, Request
from pyramid.viewing.cache import ChunkCache
from pyramid.viewing.routes import Routes
from pyramid.viewing.sources import Source, Sources
from tests.support import trees
from tests.support.asking import Asking, viewing
from tests.support.paths import ROOT

SECRET = b"the secret next to the store"
# Lines of a request after its host.
MORE = (
    *("", "Content-Length: 9\r\n", "Transfer-Encoding: chunked\r\n", "Range: bytes=9-1\r\n"),
    *("Origin: https://evil.example\r\n", "Range: bytes=" + "9" * 40 + "-\r\n", "A: " + "b" * 70_000 + "\r\n"),
    *("A: b\r\n" * 120, "\x00: x\r\n", "X: \xff\r\n"),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with a secret file next to it, and a link to that within it."""
    folder = tmp_path_factory.mktemp("view")
    pyramid.convert(np.arange(300 * 280, dtype="uint16").reshape(300, 280), folder / "a.ome.zarr")
    (folder / "secret.txt").write_bytes(SECRET)
    (folder / "a.ome.zarr/link.txt").symlink_to(folder / "secret.txt")
    return folder / "a.ome.zarr"


@pytest.fixture(scope="module")
def asking(store: Path) -> Iterator[Asking]:
    with viewing(store) as client:
        yield client


def _hostile(number: int) -> bytes:
    """A request that must give nothing away, made of hostile parts by its number."""
    chance = random.Random(number)
    climbs = ["..", "%2e%2e", "%2E.", "..%2f..", "%252e%252e", "..%5c..", ".%00.", "%c0%ae%c0%ae", "....//", "..;"]
    starts = ["/data/0/", "/data/1/", "/data/-1/", "/page/", "/tile/0/0/", "/api/", "/thumbnail/", "//", "/", "/data/0"]
    ends = ["secret.txt", "etc/passwd", "..", "link.txt", "a.ome.zarr/../secret.txt", "%2fetc%2fpasswd", "\\secret.txt"]
    path = chance.choice(starts) + "/".join(chance.choice(climbs) for _ in range(chance.randrange(4)))
    path += "/" + chance.choice(ends)
    query = chance.choice(["", "?path=../secret.txt", "?source=99", "?path=%2fetc", "?" + "a=1&" * 99, "?c=x", "?z=-1"])
    method = chance.choice(["GET"] * 6 + ["HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT", "BREW", "get"])
    host = chance.choice(["Host: HERE"] * 4 + ["Host: evil.example", "Host: ", "X: y", "Host: 127.0.0.1.evil.example"])
    more = chance.choice(MORE)
    version = chance.choice(["HTTP/1.1"] * 6 + ["HTTP/1.0", "HTTP/9.9", "", "XTTP/1.1"])
    return f"{method} {path}{query} {version}\r\n{host}\r\n{more}Connection: close\r\n\r\n".encode("latin-1")


def test_two_hundred_hostile_requests_get_nothing(asking: Asking) -> None:
    here = f"127.0.0.1:{asking.address[1]}".encode()

    def ask(number: int) -> bytes:
        return asking.send(_hostile(number).replace(b"HERE", here))

    with ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(ask, range(200)))
    answers = [reply for reply in replies if reply.startswith(b"HTTP/")]
    statuses = {answer.split(b" ", 2)[1] for answer in answers}
    assert len(answers) > 100  # others were no requests of HTTP/1, or were closed before they ended
    assert all(SECRET not in reply and b"root:" not in reply and b"Traceback" not in reply for reply in replies)
    assert statuses <= {b"400", b"403", b"404", b"405", b"413", b"414", b"416", b"431", b"501", b"505"}
    assert asking.get("api/sources").status == 200


@pytest.mark.parametrize("path", ["", "a b", "0", "0/c", "0/c/9", "../secret.txt", "zarr.json/x", ".zattrs", "0/"])
def test_what_is_no_object_of_the_store_is_missing(path: str, asking: Asking) -> None:
    reply = asking.get("data/0/" + quote(path))
    assert reply.status == 404
    assert "error" in reply.json


def test_a_link_out_of_the_store_is_refused(asking: Asking) -> None:
    reply = asking.get("data/0/link.txt")
    assert reply.status == 403
    assert SECRET not in reply.body


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:1", "", "localhost.evil.example"]
)
def test_a_host_that_is_not_this_machine_is_refused(host: str, asking: Asking) -> None:
    assert asking.get("api/sources", Host=host).status == 403
    assert asking.get("data/0/zarr.json", Host=host).status == 403
    assert asking.get("api/sources", Host=f"localhost:{asking.address[1]}").status == 200


def test_an_object_is_given_whole_or_by_parts(asking: Asking, store: Path) -> None:
    body = (store / "zarr.json").read_bytes()
    size = len(body)
    whole = asking.get("data/0/zarr.json")
    assert (whole.status, whole.body, whole.headers["content-type"]) == (200, body, "application/json")
    assert whole.headers["content-length"] == str(size)
    for text, part in {
        "bytes=0-9": body[:10],
        f"bytes={size - 5}-": body[-5:],
        "bytes=-7": body[-7:],
        f"bytes=4-{size * 9}": body[4:],
        f"bytes=-{size * 9}": body,
    }.items():
        reply = asking.get("data/0/zarr.json", Range=text)
        assert (reply.status, reply.body) == (206, part), text
        assert reply.headers["content-range"].startswith("bytes ")
    refused = asking.get("data/0/zarr.json", Range=f"bytes={size}-")
    assert (refused.status, refused.headers["content-range"]) == (416, f"bytes */{size}")
    for text in ("bytes=5-2", "bytes=-", "lines=1-2", "bytes=0-1,3-4", "bytes=a-b"):
        assert asking.get("data/0/zarr.json", Range=text).body == body
    head = asking.get("data/0/zarr.json", method="HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(size))


def test_a_tag_is_that_of_the_object(asking: Asking) -> None:
    tag = asking.get("data/0/zarr.json").headers["etag"]
    assert asking.get("data/0/0/zarr.json").headers["etag"] != tag
    known = asking.get("data/0/zarr.json", If_None_Match=f'"x", {tag}')
    assert (known.status, known.body) == (304, b"")
    assert asking.get("data/0/zarr.json", If_Range=tag, Range="bytes=0-1").status == 206
    assert asking.get("data/0/zarr.json", If_Range='"x"', Range="bytes=0-1").status == 200


def test_only_origins_that_are_named_may_read_the_store(store: Path) -> None:
    with viewing(store, cors=["https://viewer.example"]) as asking:
        named = asking.get("data/0/zarr.json", Origin="https://viewer.example")
        other = asking.get("data/0/zarr.json", Origin="https://evil.example")
        asked = asking.get("data/0/zarr.json", method="OPTIONS", Origin="https://viewer.example")
        refused = asking.get("data/0/zarr.json", method="OPTIONS", Origin="https://evil.example")
        facts = asking.get("api/sources", Origin="https://viewer.example")
    assert named.headers["access-control-allow-origin"] == "https://viewer.example"
    assert "Content-Range" in named.headers["access-control-expose-headers"]
    assert (asked.status, refused.status) == (204, 403)
    assert "Range" in asked.headers["access-control-allow-headers"]
    for reply in (other, facts):
        assert "access-control-allow-origin" not in reply.headers
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"


def test_other_programs_open_the_store_by_its_url(store: Path) -> None:
    with viewing(store) as asking:
        image = pyramid.open(f"{asking.url}data/0")
        assert np.array_equal(image.levels[0].data.compute(), np.arange(300 * 280, dtype="uint16").reshape(300, 280))


def test_a_store_on_the_web_is_shown_and_served(store: Path) -> None:
    with viewing(store) as near, viewing(f"{near.url}data/0") as far:
        for path in (
            "tile/0/0/0.png?overlap=1",
            "tile/1/0/0.png",
            "api/values?level=0&y=299&x=279",
            "data/0/zarr.json",
        ):
            assert far.get(path).body == near.get(path).body, path
        assert far.get("data/0/none").status == 404


def test_an_address_with_a_token_needs_it_and_takes_any_host(store: Path) -> None:
    with viewing(store, token=True) as asking:
        token = asking.url.rstrip("/").rpartition("/")[2]
        assert len(token) >= 20
        assert asking.get("api/sources", Host="gateway.example").status == 200
        bare = Asking(asking.url.removesuffix(f"{token}/"))
        for path in ("", "api/sources", "data/0/zarr.json", f"{token}x/api/sources", "é"):
            assert bare.get(quote(path)).status == 403
        assert bare.get(token).headers["location"] == f"/{token}/"


def test_an_address_that_others_reach_has_a_token(store: Path) -> None:
    with pyramid.view(store, host="0.0.0.0") as viewer:
        assert len(viewer.url.split("/")[3]) >= 20


def test_the_page_may_run_only_what_the_server_sends(asking: Asking) -> None:
    page = asking.get("")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'; script-src 'self'" in page.headers["content-security-policy"]
    assert b"<script>" not in page.body
    assert b"style=" not in page.body
    for path in ("tile/0/0/0.png", "api/image?source=0", "data/0/zarr.json", "nothing"):
        reply = asking.get(path)
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in reply.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        *("tile/0/9/0.png", "tile/7/0/0.png", "tile/0/0/0.gif", "tile/0/0/0", "tile/0/0.png", "tile/0/0/0/0.png"),
        *("tile/0/0/0.png?c=9:FFFFFF:0:1", "tile/0/0/0.png?c=0:red:0:1", "tile/0/0/0.png?c=0:FFFFFF:nan:1"),
        *("tile/0/0/0.png?c=0:FFFFFF:2:1", "tile/0/0/0.png?c=0", "tile/0/0/0.png?z=x", "tile/0/0/0.png?source=1"),
        *("tile/0/0/0.png?c=0:FFFFFF:0:1:0", "tile/0/0/0.png?c=0:FFFFFF:0:1:1:1:1", "tile/0/0/0.png?path=0"),
        *("tile/0/0/0.png?c=" + ",".join(["0:FFFFFF:0:1"] * 65), "api/image?path=../a", "api/image?path=labels/x"),
        *("api/values?level=0&y=300&x=0", "api/values?level=9&y=0&x=0", "api/histogram?channel=4", "api/none"),
        *("thumbnail?path=x", "page/none.js", "page/", "page/../answers.py", "data/x/zarr.json", "data/5/zarr.json"),
    ],
)
def test_what_is_not_there_is_refused_with_a_sentence(path: str, asking: Asking) -> None:
    reply = asking.get(path)
    assert reply.status in (400, 404)
    assert reply.json["error"]


def test_a_request_that_was_given_up_is_not_computed(store: Path) -> None:
    cache = ChunkCache(2**20)
    routes = Routes(Sources([Source(str(store), None)]), cache)
    request = Request(("tile", "0", "0", "0.png"), {}, {}, lambda: True)
    with pytest.raises(GoneError):
        routes.answer(request)
    assert cache.held_bytes == 0


def test_chunks_are_kept_within_the_memory_that_is_given(store: Path) -> None:
    with viewing(store, memory="200kB") as asking:
        pictures = {asking.get(f"tile/0/{row}/{column}.png").body for row in (0, 1) for column in (0, 1)}
        assert len(pictures) == 4
    with viewing(store, memory="1kB") as asking:
        reply = asking.get("tile/0/0/0.png")
        assert b"memory=" in reply.body
        assert reply.headers["content-type"] == "image/svg+xml"


def test_collections_are_listed_and_their_images_shown(tmp_path: Path) -> None:
    trees.named_plate(tmp_path / "plate", 3)
    trees.collection(tmp_path / "series", 2)
    with viewing(tmp_path / "plate", tmp_path / "series") as asking:
        plate = asking.get("api/image?source=0").json
        assert (plate["type"], plate["paths"]) == ("plate", ["A/1", "A/2", "B/1"])
        assert asking.get("api/image?source=0&path=A/2").json["paths"] == ["0", "1"]
        assert asking.get("api/image?source=0&path=A/2/1").json["extent"] == {"y": 40, "x": 50}
        assert asking.get("thumbnail?source=0&path=A/1").pixels.shape == (40, 50, 3)
        series = asking.get("api/image?source=1").json
        assert (series["type"], series["paths"]) == ("series", ["0", "1"])
        assert asking.get("tile/0/0/0.png?source=1&path=1").status == 200
        assert [source["name"] for source in asking.get("api/sources").json] == ["plate", "series"]
        assert asking.get("api/metadata?source=0").json["type"] == "plate"


def test_fifty_clients_at_once_get_their_tiles(store: Path) -> None:
    before = threading.active_count()
    with viewing(store) as asking, ThreadPoolExecutor(50) as threads:
        paths = [f"tile/0/{i % 2}/{i // 2 % 2}.png" for i in range(200)]
        replies = list(threads.map(asking.get, paths))
        assert {reply.status for reply in replies} == {200}
        assert len({reply.body for reply in replies}) == 4
    end_s = time.monotonic() + 20  # connections end when the clients have closed theirs
    while threading.active_count() > before:
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_an_open_image_shows_itself_and_a_viewer_is_a_frame(store: Path) -> None:
    with pyramid.open(store).view() as viewer:
        assert Asking(viewer.url).get("tile/0/0/0.png").status == 200
        assert Asking(viewer.url).get("data/0/zarr.json").status == 200
        assert f'<iframe src="{viewer.url}"' in viewer._repr_html_()
        assert repr(viewer) == f"<Viewer at {viewer.url}>"


def test_wrong_options_are_refused_in_a_sentence(store: Path, tmp_path: Path) -> None:
    for options, name in (
        ({"port": 70_000}, "port: 70000 is not a port"),
        ({"port": "x"}, "port: "),
        ({"host": "no.such.host.invalid"}, "port: the server cannot listen"),
        ({"cors": "example.com"}, "cors: "),
        ({"memory": "much"}, "memory: "),
    ):
        with pytest.raises(OptionError, match=name):
            pyramid.view(store, **options)
    with pytest.raises(OptionError, match="no URL"):
        pyramid.view()
    with pytest.raises(SourceError, match="nothing"):
        pyramid.view(tmp_path / "nothing")
    with pyramid.view(store) as viewer, pytest.raises(OptionError, match="in use"):
        pyramid.view(store, port=Asking(viewer.url).address[1])


def test_the_command_serves_until_it_is_interrupted(store: Path) -> None:
    command = [sys.executable, "-m", "pyramid", "view", str(store), "--no-browser", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        asking = Asking(json.loads(run.stdout.readline())["url"])
        assert asking.get("tile/0/0/0.png").status == 200
        run.send_signal(signal.SIGINT)
        _, complaint = run.communicate(timeout=20)
    assert run.returncode == 0, complaint
    assert "Ctrl-C ends it" in complaint


def test_the_command_refuses_what_is_not_there(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from pyramid.cli import main

    missing = CliRunner().invoke(main, ["view", str(tmp_path / "none"), "--no-browser"])
    assert (missing.exit_code, missing.stdout) == (3, "")
    wrong = CliRunner().invoke(main, ["view", str(tmp_path), "--port", "99999", "--no-browser"])
    assert wrong.exit_code in (2, 3)
    assert "pyramid view cells.ome.zarr" in CliRunner().invoke(main, ["view"]).stderr
