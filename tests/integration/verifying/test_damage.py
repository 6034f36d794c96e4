"""Random damage in finished stores: it is found, and after a repair the bytes are as before."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

import pyramid

pytestmark = pytest.mark.once

# Damaged objects of a quick run; 200 and 20 are made where this is set to 200.
BYTES = int(os.environ.get("PYRAMID_TEST_DAMAGE", "12"))
OTHERS = max(2, BYTES // 10)
LAYOUTS: dict[str, dict[str, Any]] = {
    "chunks": {"chunks": "z=1,y=64,x=64", "shards": "none"},
    "shards": {"chunks": "z=1,y=64,x=64", "shards": "z=2,y=128,x=256"},
}


class Store:
    """A finished store, what it held, and the pixels by zarr-python."""

    def __init__(self, path: Path, pixels: NDArray[np.uint16], checksum: bool, layout: str) -> None:
        self.path, self.pixels = path, pixels
        pyramid.convert(
            pixels, path, axes="zyx", scale_factors="z=1,y=2,x=2", min_size=64, checksum=checksum, **LAYOUTS[layout]
        )
        self.right = self.contents()
        self.keys = [key for key in self.right if "/c/" in key]
        self.levels = self.decoded()

    def contents(self) -> dict[str, bytes]:
        files = sorted(path for path in self.path.rglob("*") if path.is_file())
        return {str(path.relative_to(self.path)): path.read_bytes() for path in files}

    def decoded(self) -> list[NDArray[np.uint16] | None]:
        found: list[NDArray[np.uint16] | None] = []
        for number in range(len([key for key in self.right if key.count("/") == 1])):
            try:
                found.append(np.asarray(zarr.open_array(self.path / str(number), mode="r")[...]))
            except Exception:  # whatever it raises over a damaged chunk
                found.append(None)
        return found

    def is_changed(self) -> bool:
        """Whether zarr-python reads other pixels, or none."""
        pairs = zip(self.decoded(), self.levels, strict=True)
        return any(now is None or not np.array_equal(now, before) for now, before in pairs if before is not None)


def byte(store: Store, rng: random.Random) -> list[str]:
    key = rng.choice(store.keys)
    body = bytearray(store.right[key])
    at = rng.randrange(len(body))
    body[at] = (body[at] + rng.randint(1, 255)) % 256
    (store.path / key).write_bytes(body)
    return [key]


def lost(store: Store, rng: random.Random) -> list[str]:
    key = rng.choice(store.keys)
    (store.path / key).unlink()
    return [key]


def swapped(store: Store, rng: random.Random) -> list[str]:
    level = rng.choice(["0", "1"])
    one, other = rng.sample([key for key in store.keys if key.startswith(f"{level}/")], 2)
    (store.path / one).write_bytes(store.right[other])
    (store.path / other).write_bytes(store.right[one])
    return [one, other]


def cut(store: Store, rng: random.Random) -> list[str]:
    key = rng.choice(store.keys)
    (store.path / key).write_bytes(store.right[key][: rng.randrange(1, len(store.right[key]))])
    return [key]


def emptied(store: Store, rng: random.Random) -> list[str]:
    key = rng.choice(store.keys)
    (store.path / key).write_bytes(b"")
    return [key]


@pytest.fixture(
    scope="module", params=[(True, "chunks"), (True, "shards"), (False, "chunks"), (False, "shards")], ids=str
)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    checksum, layout = request.param
    y, x = np.mgrid[:400, :500]
    noise = np.random.default_rng(0).normal(0, 40, (4, 400, 500))
    pixels = (2000 + 1500 * np.sin(x / 90) * np.cos(y / 70) + noise).astype("uint16")
    return Store(tmp_path_factory.mktemp("damage") / "a.ome.zarr", pixels, checksum, layout)


@pytest.mark.parametrize(
    ("damage", "count"), [(byte, BYTES), (lost, OTHERS), (swapped, OTHERS), (cut, OTHERS), (emptied, OTHERS)]
)
def test_damage_is_found_and_repaired(
    store: Store, damage: Callable[[Store, random.Random], list[str]], count: int
) -> None:
    for seed in range(count):
        keys = damage(store, random.Random(seed))
        is_changed = store.is_changed()
        has_checksums = len(pyramid.open(store.path).levels[0].codecs) > 2 or "crc32c" in str(
            pyramid.open(store.path).levels[0].codecs[0].get("configuration", {}).get("codecs")
        )
        found = pyramid.verify(store.path, store.pixels, axes="zyx")
        if is_changed or has_checksums:
            assert {one.key for one in found.findings} & set(keys), (seed, keys, is_changed, str(found))
        repaired = pyramid.verify(store.path, store.pixels, axes="zyx", repair=True)
        assert repaired.ok, (seed, keys, str(repaired))
        assert set(repaired.repaired) <= set(keys), (seed, keys, str(repaired))
        if found.ok:  # another byte of the codec, which decodes to the same pixels
            (store.path / keys[0]).write_bytes(store.right[keys[0]])
        assert store.contents() == store.right, (seed, keys)


def test_levels_are_repaired_without_the_source(store: Store) -> None:
    """What cannot be decoded is rebuilt from the level below, and level 0 is left as it is."""
    upper = [key for key in store.keys if not key.startswith("0/")]
    for key in random.Random(1).sample(upper, 3):
        (store.path / key).write_bytes(store.right[key][:-9])
    assert pyramid.verify(store.path, repair=True).ok
    assert store.contents() == store.right
    key = store.keys[0]
    (store.path / key).write_bytes(b"")
    damaged = store.contents()
    found = pyramid.verify(store.path, repair=True)
    assert not found.ok
    assert "level 0 can only be rebuilt from its source" in str(found)
    assert store.contents() == damaged
    (store.path / key).write_bytes(store.right[key])


def test_a_swapped_level_0_is_not_taken_for_right(store: Store) -> None:
    """Level 2 shows that level 0 is wrong, so nothing is made of it."""
    one, other = [key for key in store.keys if key.startswith("0/")][:2]
    (store.path / one).write_bytes(store.right[other])
    (store.path / other).write_bytes(store.right[one])
    damaged = store.contents()
    found = pyramid.verify(store.path, repair=True)
    assert {finding.key for finding in found.findings} == {one, other}
    assert found.repaired == ()
    assert store.contents() == damaged
    for key in (one, other):
        (store.path / key).write_bytes(store.right[key])


def test_swapped_objects_of_a_level_are_repaired_without_the_source(store: Store) -> None:
    one, other = [key for key in store.keys if key.startswith("1/")][:2]
    (store.path / one).write_bytes(store.right[other])
    (store.path / other).write_bytes(store.right[one])
    found = pyramid.verify(store.path, repair=True)
    assert found.ok
    assert set(found.repaired) == {one, other}
    assert store.contents() == store.right
