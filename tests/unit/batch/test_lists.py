"""Lists of images: text and CSV as people and programs write them, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyramid.batch.items import Request
from pyramid.batch.lists import format_list, read_list
from pyramid.errors import OptionError


def listed(path: Path, body: str | bytes) -> list[Request]:
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    return list(read_list(f"@{path}"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_text_has_a_path_a_line(encoding: str, newline: str, tmp_path: Path) -> None:
    lines = ["# cells of today", "", "/d/a.tif", "  /d/b c.tif ", "#/d/no.tif", "s3://bucket/ä.ome.tif"]
    found = listed(tmp_path / "l.txt", newline.join(lines).encode(encoding))
    assert [request.source for request in found] == ["/d/a.tif", "/d/b c.tif", "s3://bucket/ä.ome.tif"]
    assert [request.name for request in found] == ["a.ome.zarr", "b c.ome.zarr", "ä.ome.zarr"]
    assert found[1].origin == f"{tmp_path / 'l.txt'}:4"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_has_columns_of_options(delimiter: str, tmp_path: Path) -> None:
    rows = [
        ["Source", "target", "scale", "scale-factors", "Skip_Empty", "error"],
        [],
        ["/d/a.tif", "day1/a", '"z=1,y=0.5,x=0.5"', "yx", "TRUE", "was bad"],
        ["/d/b.tif", "", "", "", "", ""],
        ["", "", "", "", "", ""],
        ['"/d/c, d.tif"'],
    ]
    text = "\ufeff" + "\r\n".join(delimiter.join(row) for row in rows)
    first, second, third = listed(tmp_path / "l.csv", text)
    assert (first.source, first.name) == ("/d/a.tif", "day1/a.ome.zarr")
    assert first.own == {"scale": "z=1,y=0.5,x=0.5", "scale_factors": "yx", "skip_empty": True}
    assert first.origin.endswith("l.csv:3")
    assert (second.name, dict(second.own)) == ("b.ome.zarr", {})
    assert third.source == "/d/c, d.tif"


WRONG = [
    ("sauce,levels\na,1\n", r":1: unknown column 'sauce'; did you mean 'source'"),
    ("source,leveles\na,1\n", r":1: unknown column 'leveles'; did you mean 'levels'"),
    ("levels,target\n1,a\n", "not a column 'source'"),
    ("a.tif\nb.tif\n", "name the columns there, or call the list .txt"),
    ("source,source\na,b\n", "there twice"),
    ("source,workers\na,2\n", "workers holds for the whole batch"),
    ("source,storage_options\na,2\n", "may be secret"),
    ("source,levels\na.tif,0\n", ":2: levels: 0 is below 1"),
    ("source,checksum\na.tif,maybe\n", "checksum: 'maybe' is not true or false"),
    ("source,target\na.tif,../b\n", r":2: target: '\.\./b' leaves the folder"),
    ("source,target\na.tif,/etc/b\n", "is not below the folder"),
    ("source,scale\na.tif,z=1,y=1,x=1\n", "put quotes around a cell with commas"),
    ("source,target\n,b\n", "the cell 'source' is empty"),
    ('source\n"a.tif\n', "not valid CSV"),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG, ids=[case[1] for case in WRONG])
def test_what_is_wrong_with_a_csv_names_the_line(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=sentence) as caught:
        listed(tmp_path / "l.csv", text)
    assert "l.csv" in str(caught.value)


def test_a_list_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is not text"):
        listed(tmp_path / "l.txt", b"II*\0\0\0\0\0")
    with pytest.raises(OptionError, match=r"cannot be read: No such file.*\./@gone\.tif"):
        list(read_list("@gone.tif"))
    with pytest.raises(OptionError, match="no name follows"):
        list(read_list("@"))


def test_paths_count_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.tif").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError, match=r"paths count from the working directory; run the command in .*data"):
        listed(tmp_path / "data/l.txt", "a.tif\n")
    assert [request.source for request in listed(tmp_path / "data/m.txt", "data/a.tif\n")] == ["data/a.tif"]


def test_a_list_that_is_written_is_read_back(tmp_path: Path) -> None:
    rows = [
        {"source": '/d/a "b", c.tif', "target": "x/a.zarr", "levels": "2", "exit_status": 3, "error": "cut, off\nhere"},
        {"source": "/d/b.tif", "target": "b.zarr", "skip_empty": True, "exit_status": "", "error": "left"},
    ]
    first, second = listed(tmp_path / "l.csv", format_list(rows))
    assert (first.source, first.name, dict(first.own)) == ('/d/a "b", c.tif', "x/a.zarr", {"levels": "2"})
    assert (second.source, second.name, dict(second.own)) == ("/d/b.tif", "b.zarr", {"skip_empty": True})
