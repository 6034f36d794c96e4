"""A batch: what one command converts."""

from __future__ import annotations

from dataclasses import dataclass

from pyramid.batch.frame import Frame
from pyramid.batch.items import BatchItem
from pyramid.options.convert import Options


@dataclass(frozen=True, slots=True)
class Batch:
    """The images that one command converts.

    Parameters
    ----------
    items
        The images, each with its target.
    folder
        Path or URL of the folder of all targets; None for a plan without one.
    options
        The options that hold for the whole batch.
    notices
        Sentences about what was left out.
    frame
        The groups around the images, if they are one collection or plate.
    """

    items: tuple[BatchItem, ...]
    folder: str | None
    options: Options
    notices: tuple[str, ...] = ()
    frame: Frame | None = None
