"""Laws of the keys: they are those that zarr-python gives to the chunks, each once."""

from __future__ import annotations

import itertools
import json
from typing import Any, Literal

import zarr
import zarr.storage
from hypothesis import given
from hypothesis import strategies as st

from pyramid.downloading.levels import format_levels, parse_levels
from pyramid.hierarchy.keys import grid_of
from pyramid.hierarchy.nodes import read_node
from pyramid.ngff.values import check_path
from pyramid.stores.objects import ByteSink

shapes = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 25)), max_size=4)


class Held:
    """Documents that a store of zarr-python's holds in memory."""

    def __init__(self, held: dict[str, Any]) -> None:
        self.held = {key: body.to_bytes() for key, body in held.items()}

    def fetch(self, key: str, into: ByteSink, expected_bytes: int = 0) -> int | None:
        del expected_bytes
        if key in self.held:
            into.write(self.held[key])
        return len(self.held[key]) if key in self.held else None


@given(shapes, st.sampled_from(["default", "v2"]), st.sampled_from(["/", "."]), st.sampled_from([2, 3]))
def test_keys_are_those_of_zarr(
    extents: list[tuple[int, int]], name: str, separator: Literal[".", "/"], zarr_format: Literal[2, 3]
) -> None:
    held: dict[str, Any] = {}
    array = zarr.create_array(
        zarr.storage.MemoryStore(held),
        shape=tuple(n for n, _ in extents),
        chunks=tuple(chunk for _, chunk in extents),
        dtype="uint8",
        zarr_format=zarr_format,
        chunk_key_encoding={"name": "v2" if zarr_format == 2 else name, "separator": separator},
    )
    node = read_node(Held(held))
    assert node is not None
    grid = grid_of(node)
    counts = [range(-(-n // chunk)) for n, chunk in extents]
    expected = [array.metadata.encode_chunk_key(index) for index in itertools.product(*counts)]
    assert list(grid.keys()) == expected
    assert grid.count == len(expected)
    assert json.loads(node.documents["zarr.json" if zarr_format == 3 else ".zarray"]) == node.array


@given(st.integers(-9, 9), st.integers(-9, 9), st.booleans(), st.booleans(), st.integers(0, 12))
def test_levels_are_taken_as_python_takes_them(start: int, stop: int, first: bool, last: bool, count: int) -> None:
    text = f"{start if first else ''}:{stop if last else ''}"
    taken = parse_levels(text)
    items = list(range(count))
    assert items[taken or slice(None)] == eval(f"items[{text}]", {"items": items})
    assert parse_levels(format_levels(taken)) == taken
    one = parse_levels(start)
    assert one is not None
    assert items[one] == ([items[start]] if -count <= start < count else [])


@given(st.text(alphabet="ab./\\:C\0", max_size=8))
def test_a_path_that_passes_stays_below(path: str) -> None:
    from pathlib import PurePosixPath, PureWindowsPath

    from pyramid.errors import SourceError

    try:
        check_path(path)
    except SourceError:
        return
    for kind in (PurePosixPath, PureWindowsPath):
        joined = kind("/root") / path
        assert kind("/root") in (joined, *joined.parents)
        assert ".." not in joined.parts
        assert "/".join(joined.parts[1:]).removeprefix("root").lstrip("/") == path
