"""The source of level 0, read in the order of the level's axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.model import Box, Shape, Source
from pyramid.verifying.findings import Finding
from pyramid.verifying.tree import FoundImage


@dataclass(frozen=True)
class SourcePixels:
    """A source whose pixels are compared with level 0.

    Parameters
    ----------
    source
        The source, with its axes in the order of ``tczyx``.
    axes
        Letters of the level's axes, in its order.
    findings
        Why it cannot be the source of the level.
    """

    source: Source
    axes: str
    findings: tuple[Finding, ...] = ()

    @property
    def chunks(self) -> Shape:
        """Pixels that the source decodes at once on each axis of the level."""
        along = dict(zip(self.source.spec.axes, self.source.spec.chunks, strict=True))
        return tuple(along.get(axis, 1) for axis in self.axes)

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of a region of the level."""
        spec = self.source.spec
        starts, extents = dict(zip(self.axes, box.start, strict=True)), dict(zip(self.axes, box.shape, strict=True))
        wanted = Box(
            tuple(starts.get(axis, 0) for axis in spec.axes), tuple(extents.get(axis, 1) for axis in spec.axes)
        )
        if spec.axes == self.axes:
            self.source.read(wanted, out)
            return
        pixels = np.empty(wanted.shape, out.dtype)
        self.source.read(wanted, pixels)
        shared = [axis for axis in spec.axes if axis in self.axes]
        pixels = pixels.reshape([extents[axis] for axis in shared])
        order = [shared.index(axis) for axis in self.axes if axis in shared]
        out[...] = pixels.transpose(order).reshape(out.shape)


def match_source(source: Source, image: FoundImage) -> SourcePixels:
    """Return a source in the axes of an image, with findings if it does not fit."""
    spec = source.spec
    if not image.levels or image.levels[0].number != 0:
        return SourcePixels(source, spec.axes, (Finding("unreadable", "level 0 cannot be read", image.path),))
    level = image.levels[0]
    axes = image.metadata.axes if image.metadata is not None else spec.axes
    held = dict(zip(axes, level.shape, strict=False))
    given = dict(zip(spec.axes, spec.shape, strict=True))
    names = [axis for axis in "tczyx" if axis in held or axis in given]
    differ = [axis for axis in names if held.get(axis, 1) != given.get(axis, 1)]
    message = None
    if differ or len(axes) != len(level.shape):
        message = f"its shape {level.shape} ({axes}) is not that of the source, {spec.shape} ({spec.axes})"
    elif level.dtype.name != spec.dtype:
        message = f"its dtype {level.dtype} is not that of the source, {spec.dtype}"
    if message is None:
        return SourcePixels(source, axes)
    finding = Finding("metadata", f"{message}; give the source that it was made of", image.path, level.node.path, 0)
    return SourcePixels(source, axes, (finding,))
