"""Bad input of `create` and of its handle: a sentence each, and nothing changed."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import dask.array as da
import numpy as np
import pytest

import pyramid
from pyramid.errors import OptionError, PyramidError, StoppedError, TargetError
from tests.support.stores import digests

SHAPE = (4, 2, 60, 70)
OPTIONS: dict[str, Any] = {"axes": "tcyx", "chunks": "t=1,c=1,y=32,x=32", "shards": "none", "min_size": 32}
PLANE = np.ones((60, 70), "uint8")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"shape": 7}, "is not a shape"),
        ({"shape": (4, 2, 60.5, 70)}, "is not a shape"),
        ({"shape": (4, 2, 0, 70)}, "without a pixel"),
        ({"shape": (4, 2, None, 70)}, "only the length of t"),
        ({"shape": (70,), "axes": None}, "2 to 5"),
        ({"shape": (2, 60, 70)}, "names 4 axes"),
        ({"shape": (4, 2, 2**40, 2**40)}, "more pixels"),
        ({"dtype": "pixel"}, "is none of NumPy"),
        ({"dtype": "complex64"}, "no place in OME-Zarr"),
        ({"axes": "tcyy"}, "axes"),
        ({"levels": "later"}, 'neither a number nor "as written"'),
        ({"labels": "nuclei"}, "labels: it is an option of convert"),
        ({"select": "t=0"}, "leave it out"),
        ({"manifest": "m.txt"}, "pyramid.manifest"),
        ({"chunk": "plane"}, "did you mean"),
        ({"chunks": "z=3"}, "no axis 'z'"),
        ({"overwrite": True, "resume": True}, "give one"),
        ({"skip_empty": True}, "fill_missing"),
        ({"memory": "1kB"}, "memory: one block needs"),
        ({"report": "no/such/folder/run.json"}, "report"),
        ({"scheduler": "tcp://host:1", "cluster": {"class": "distributed.LocalCluster"}}, "two clusters"),
        ({"performance_report": "run.html"}, "Dask makes it on a cluster"),
        ({"target": "run.ozx"}, "pyramid.pack"),
        ({"target": "run.n5", "levels": "as written"}, "metadata last"),
        ({"target": "https://host/run.ome.zarr"}, "http"),
        ({"storage_options": {"region": "here"}}, "storage"),
    ],
)
def test_create_refuses(changed: dict[str, Any], said: str, tmp_path: Path) -> None:
    given = {"target": "run.ome.zarr", "shape": SHAPE, "dtype": "uint8", **OPTIONS, **changed}
    target = given.pop("target")
    with pytest.raises(PyramidError, match=said) as caught:
        pyramid.create(target if "://" in target else tmp_path / target, **given)
    assert "; " in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ((4, 0), PLANE, "t=4 is beyond the image, which has 4 pixels on t"),
        ((-5, 0), PLANE, "beyond"),
        ((0, 0, slice(0, 61)), 1, "y=0:61 is beyond"),
        ((0, 0, slice(0, 60, 2)), 1, "no step"),
        ((0, 0, slice(None, None, -1)), 1, "no step"),
        ((0, 1.5), PLANE, "not an index"),
        ((0, "GFP"), PLANE, "not an index"),
        ((0, True), PLANE, "not an index"),
        ((0, [0, 1]), PLANE, "not an index"),
        ((0, None), PLANE, "not an index"),
        ((PLANE > 0), 1, "not an index"),
        ((0, 0, 0, 0, 0), 1, "does not fit the axes tcyx"),
        ((..., 0, ...), 1, "does not fit"),
        ((0, 0), PLANE[:-1], r"has the shape \(59, 70\), and the region \(60, 70\)"),
        ((0, 0), PLANE.astype("uint16"), "dtype uint16, and the image uint8"),
        ((0, 0), PLANE.astype("int8"), "dtype int8"),
        ((0, 0), 1.5, "not a value of uint8"),
        ((0, 0), 256, "not a value of uint8"),
        ((0, 0), -1, "not a value of uint8"),
        ((0, 0), None, "dtype object"),
        ((0, 0), "pixels", "dtype <U6"),
        ((0, 0), [[1], [1, 2]], "not an array"),
        ((0, 0), np.ma.masked_equal(PLANE, 1), "mask"),
        ((0, 0), da.ones((60, 70), dtype="uint8"), "dask.array.store"),
        ((1, 1), PLANE * 2, "t=1,c=1,y=0:32,x=0:32 has come before, with other pixels"),
        ((2, 1, slice(0, 3)), 9, "t=2,c=1,y=2,x=0:32 has come before"),
    ],
)
def test_a_handle_refuses(key: object, value: object, said: str, tmp_path: Path) -> None:
    handle = pyramid.create(tmp_path / "run.ome.zarr", SHAPE, "uint8", **OPTIONS)
    handle[1, 1] = PLANE
    handle[2, 1, 2:] = PLANE[2:]
    before = digests(tmp_path)
    with pytest.raises(OptionError, match=said) as caught:
        handle[key] = value
    assert "; " in str(caught.value)
    assert digests(tmp_path) == before
    handle.close()


def begin(path: Path, **changed: Any) -> pyramid.Creation:
    return pyramid.create(path, **{"shape": SHAPE, "dtype": "uint8", **OPTIONS, **changed})


def _held(path: Path) -> None:
    handle = begin(path)
    try:
        begin(path, resume=True)
    finally:
        handle.close()


def _late(path: Path) -> None:
    with begin(path, fill_missing=True) as handle:
        sent = pickle.loads(pickle.dumps(handle))
        sent[0, 0] = PLANE
    fresh = pickle.loads(pickle.dumps(sent))
    fresh[1, 0] = PLANE


def _replaced(path: Path) -> None:
    handle = begin(path)
    sent = pickle.dumps(handle)
    handle.close()
    begin(path, overwrite=True).close()
    pickle.loads(sent)[1, 0] = PLANE


def _closed(path: Path) -> None:
    handle = begin(path)
    handle.close()
    handle[1, 0] = PLANE


def _sent_finishes(path: Path) -> None:
    handle = begin(path)
    try:
        pickle.loads(pickle.dumps(handle)).finish()
    finally:
        handle.close()


def _sent_parts(path: Path) -> None:
    handle = begin(path)
    try:
        pickle.loads(pickle.dumps(handle))[1, 0, 3:40] = PLANE[:37]
    finally:
        handle.close()


def _forked(path: Path) -> None:
    handle = begin(path)
    with mock.patch("pyramid.creating.creation.os.getpid", return_value=-1):
        handle[0, 0] = PLANE  # whole objects
        try:
            handle[1, 0, :40] = PLANE[:40]
        finally:
            handle._process = -1
            handle.close()


def _sent_grows(path: Path) -> None:
    handle = begin(path, shape=(None, *SHAPE[1:]), levels="as written")
    try:
        pickle.loads(pickle.dumps(handle))[0] = 1
    finally:
        handle.close()


def _far(path: Path) -> None:
    handle = begin(path, shape=(None, *SHAPE[1:]))
    try:
        handle[2**24, 0] = PLANE
    finally:
        handle.close()


def _nothing_came(path: Path) -> None:
    begin(path, shape=(None, *SHAPE[1:])).finish()


def _secret(path: Path) -> None:
    handle = begin(path)
    target = handle._canvas.store.target
    object.__setattr__(target, "url", "s3://bucket/run.ome.zarr")
    object.__setattr__(target, "storage_options", {"key": "name", "secret": "word"})
    try:
        pickle.dumps(handle)
    finally:
        object.__setattr__(target, "url", str(path))
        object.__setattr__(target, "storage_options", None)
        handle.close()


def _full(path: Path) -> None:
    handle = begin(path, memory="42kB", workers=1)
    try:
        for t, c, y, x in np.ndindex(4, 2, 2, 3):
            handle[t, c, 32 * y, 32 * x] = 1
    finally:
        handle.close()


@pytest.mark.parametrize(
    ("way", "kind", "said"),
    [
        (_held, TargetError, "being written"),
        (_late, TargetError, "finished or replaced"),
        (_replaced, TargetError, "finished or replaced"),
        (_closed, OptionError, "finished or closed"),
        (_sent_finishes, OptionError, "only writes"),
        (_sent_parts, OptionError, "t=1,c=0,y=0:60,x=0:70 at once"),
        (_forked, OptionError, "only the process of create gathers"),
        (_sent_grows, OptionError, "followed only in the process of create"),
        (_far, OptionError, "unknown length has at most"),
        (_nothing_came, StoppedError, "never came whole"),
        (_secret, OptionError, "secret"),
        (_full, OptionError, r"memory: t=3,c=0,y=\d+,x=\d+ is a part of an object; 42 kB hold the parts of 41 objects"),
    ],
)
def test_what_does_not_go_together(
    way: Callable[[Path], object], kind: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=said):
        way(tmp_path / "run.ome.zarr")


def test_what_is_there_is_not_taken_for_a_creation(tmp_path: Path) -> None:
    path = tmp_path / "run.ome.zarr"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "text").write_text("mine")
    with pytest.raises(TargetError, match="exists"):
        begin(tmp_path / "other", overwrite=True)
    begin(path).close()
    with pytest.raises(TargetError, match="resume=True"):
        begin(path)
    with pytest.raises(OptionError, match=r"shape is .*, and was"):
        begin(path, resume=True, shape=(5, 2, 60, 70))
    with pytest.raises(OptionError, match="dtype is 'uint16', and was 'uint8'"):
        begin(path, resume=True, dtype="uint16")
    with pytest.raises(TargetError, match=r"begun by pyramid\.create"):
        pyramid.convert(np.zeros(SHAPE, "uint8"), path, axes="tcyx", resume=True)
    begin(path, resume=True).close()
