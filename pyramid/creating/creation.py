"""The handle of an image that is written by region."""

from __future__ import annotations

import os
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyramid.creating.begun import Claim
from pyramid.creating.canvas import Canvas
from pyramid.creating.regions import objects_of, show_aligned, show_box
from pyramid.creating.storing import Piece
from pyramid.errors import OptionError, ending_with_remedy
from pyramid.model import Box, Shape
from pyramid.stores import check_travels
from pyramid.tables import format_shape

if TYPE_CHECKING:
    from pyramid.creating.run import CreationRun
    from pyramid.engine.build import ProgressCallback
    from pyramid.image import Image


class Creation:
    """An image that is written by region, as `pyramid.create` returns it.

    ``target[t, c] = array`` writes a region: in any order, from any thread, and from any process that the handle is
    pickled to. Keys are integers, slices of step 1 and an ellipsis, in the order of ``axes``. `finish` builds the
    levels and writes the metadata. As a context manager, the handle finishes at the end, and an exception leaves the
    image unfinished, to go on with ``create(..., resume=True)``.

    Notes
    -----
    An object (a shard, or a chunk where there are no shards) is stored when all its pixels have come. In the process of
    `create` parts of an object wait in memory, bounded by ``memory=``. A handle that was pickled writes only regions of
    whole objects, as no other process could complete the part. Regions of whole objects are stored when the assignment
    returns; `flush` waits for those that were gathered.
    """

    def __init__(self, canvas: Canvas, run: CreationRun | None = None) -> None:
        self._sent = canvas
        self._held = run
        self._process = os.getpid()

    @property
    def _run(self) -> CreationRun | None:
        """The part of the process of `create`; None in others, also in its forks."""
        return self._held if self._process == os.getpid() else None

    @property
    def _canvas(self) -> Canvas:
        return self._sent if self._run is None else self._run.canvas

    @property
    def axes(self) -> str:
        """The axes, in the order of keys."""
        return self._canvas.axes

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Pixels on each axis; None for a length that is not known."""
        return self._canvas.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._canvas.axes)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the pixels."""
        return self._canvas.store.dtype

    @property
    def object_shape(self) -> Shape:
        """Pixels of an object of level 0; regions of whole objects need no gathering."""
        return self._canvas.ordered(self._canvas.store.level.object_shape)

    @property
    def url(self) -> str:
        """Path or URL of the image."""
        return self._canvas.store.target.url

    def __setitem__(self, key: object, value: object) -> None:
        """Write a region.

        Raises
        ------
        OptionError
            If the key or the array does not fit, or a pixel has come before with another value. Nothing is changed.
        TargetError
            If it cannot be written. What it did not write is missing, and may be written again.
        """
        with ending_with_remedy():
            box, pixels = self._canvas.region(key, value)
            if box.size_px:
                self._check_open()
                self._write(box, pixels)

    def _check_open(self) -> None:
        if self._run is not None:
            self._run.check_open()
        elif self._canvas.coarse is not None and None in self.shape:
            raise OptionError(
                'levels: "as written" and an unknown length are followed only in the process of create; write there, '
                "or give the length"
            )
        else:
            self._canvas.claim.check()

    def _write(self, box: Box, pixels: NDArray[Any]) -> None:
        whole, parts = self._cut(box, pixels)
        if self._run is not None:
            self._run.write(whole, parts)
        elif parts:
            raise self._refused(box)
        else:
            self._canvas.write_all(whole, 1)

    def _cut(self, box: Box, pixels: NDArray[Any]) -> tuple[list[Piece], list[Piece]]:
        """Return the whole objects of a region, and its parts of others."""
        level = self._canvas.store.level
        if any(b > n for b, n in zip(box.stop, level.shape, strict=True)):
            raise OptionError(
                f"{show_box(self._canvas.store.axes, box)} is beyond the {format_shape(level.shape)} pixels that an "
                "image of unknown length has at most; give the length"
            )
        whole: list[Piece] = []
        parts: list[Piece] = []
        for _, found in objects_of(box, level.object_shape, level.shape):
            shared = box.intersection(found)
            start = tuple(a - b for a, b in zip(shared.start, box.start, strict=True))
            (whole if shared == found else parts).append((shared, pixels[Box(start, shared.shape).slices]))
        return whole, parts

    def _refused(self, box: Box) -> OptionError:
        """Return the error of a region that is not whole objects."""
        store = self._canvas.store
        edges, ends = store.level.object_shape, store.level.shape
        start = tuple(a // n * n for a, n in zip(box.start, edges, strict=True))
        stop = (min(-(-b // n) * n, end) for b, n, end in zip(box.stop, edges, ends, strict=True))
        around = Box(start, tuple(b - a for a, b in zip(start, stop, strict=True)))
        return OptionError(
            f"{show_box(store.axes, box)} has parts of objects, which only the process of create gathers; write "
            f"{show_box(store.axes, around)} at once (objects are {show_aligned(store.axes, edges, ends)})"
        )

    def missing(self) -> list[tuple[slice, ...]]:
        """Return the regions of whole objects that are not stored, as keys.

        Parts that wait in memory for the rest of their object are missing too.
        """
        canvas = self._canvas
        return [canvas.ordered(box.slices) for box in self._owned("missing").missing()]

    def flush(self) -> None:
        """Wait until every object that is whole is stored.

        A handle that was pickled has nothing to wait for. Raises TargetError if an object cannot be written.
        """
        if self._run is not None:
            with ending_with_remedy():
                self._run.flush()

    def finish(self, *, fill_missing: bool | None = None, progress: bool | ProgressCallback | None = None) -> Image:
        """Build the levels, and write the metadata.

        Parameters
        ----------
        fill_missing
            Whether pixels that never came become 0; by default the option of `create`.
        progress
            As for `pyramid.convert`.

        Returns
        -------
        Image
            The pyramid, with the `report` of the run.

        Raises
        ------
        StoppedError
            If pixels are missing. The handle stays open, and they may be written. Also if the levels stopped half-way.
        TargetError
            If it cannot be written.
        """
        return self._owned("finish").finish(fill_missing, progress)

    def close(self) -> None:
        """Leave the image unfinished, to go on with ``create(..., resume=True)``."""
        self._owned("close").close(None)

    def _owned(self, what: str) -> CreationRun:
        if self._run is None:
            raise OptionError(
                f"{what}: this handle was sent from another process, and only writes; call it in the process of "
                "create, or create(..., resume=True) once that has ended"
            )
        return self._run

    def __enter__(self) -> Creation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run = self._owned("with")
        if run.is_open and error is None:
            try:
                run.finish(None, None)
            except BaseException as failure:
                run.close(failure)
                raise
        elif run.is_open:
            run.close(error)

    def __reduce__(self) -> tuple[type[Creation], tuple[Canvas]]:
        target = self._canvas.store.target
        check_travels(target.url, target.storage_options)
        claim = self._canvas.claim
        return Creation, (replace(self._canvas, claim=Claim(claim.target, claim.name)),)

    def __str__(self) -> str:
        """Return a line that says how much is stored: one listing."""
        level = self._canvas.store.level
        there = len(self._canvas.store.there())
        known = f" of {level.objects}" if None not in self.shape else ""
        return f"{self!r}: {there}{known} objects of level 0 are there"

    def __repr__(self) -> str:
        shape = " x ".join("?" if n is None else str(n) for n in self.shape)
        return (
            f"<Creation of {self.url}: {self.axes} {shape} {self.dtype}, objects of {format_shape(self.object_shape)}>"
        )
