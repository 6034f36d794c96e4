"""Edits and upgrades that are killed at random moments: the old image or the new one, never half of one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import pyramid
from tests.integration.editing.test_edit import build, contents
from tests.support.killing import kill_at_random

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "edit": ("0.5", {"name": "new", "channel_names": ["a", "b"], "scale": {"x": 3}}),
    "upgrade from Zarr 2 to 3": ("0.4", {"to": "0.6"}),
    "upgrade within Zarr 3": ("0.5", {"to": "0.6"}),
}


@pytest.mark.parametrize("what", CALLS)
def test_a_kill_at_any_moment_leaves_the_old_image_or_the_new(what: str, tmp_path: Path) -> None:
    (version, options), function = CALLS[what], getattr(pyramid, what.partition(" ")[0])
    old, new, path = build(tmp_path / "old.zarr", version), tmp_path / "new.zarr", tmp_path / "a.zarr"
    shutil.copytree(old, new)
    function(new, **options)
    images = [_described(old), _described(new)]

    def prepare() -> None:
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(old, path)

    def check() -> None:
        assert _described(path) in images
        function(path, **options)
        assert contents(path) == contents(new)  # nothing is left of the run that was killed

    kill_at_random(function.__name__, f"{str(path)!r}, **{options!r}", prepare, check)


def _described(path: Path) -> tuple[object, ...]:
    """Return what an image is to its reader, pixels included."""
    image = pyramid.open(path)
    levels = [(level.scale, level.translation, level.data.compute().tobytes()) for level in image.levels]
    return image.version, image.name, image.units, [channel.label for channel in image.channels], levels
