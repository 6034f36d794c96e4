"""What tifffile logs about a file while one run reads its structure, sorted into errors, notices and silence.

tifffile forgives what it can and logs it. Its logger is shared by the whole process, so the one handler here passes a
record to the list of the context (thread and task) that it was logged in, and to nobody else. Where a program silences
tifffile's logger, the checks of `tiff_chain` and `tiff_pages` remain; they find what loses pixels by themselves.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_heard: ContextVar[list[str] | None] = ContextVar("what tifffile logs in this context", default=None)

# Parts of messages after which pixels, or their order, are not what the file says.
ERRORS = (
    "invalid page offset",
    "invalid offset to",
    "invalid circular reference",
    "invalid value offset",
    "invalid valueoffset",
    "corrupted tag list",
    "could not read all values",
    "metadata invalid or corrupted",
    "invalid shaped series metadata",
    "shaped series",
    "OME series",
    "MMStack series is missing",
    "MMStack is missing",
    "LSM file incompletely written",
    "Philips series",
    "Indica series raised",
    "focal planes do not match",
    "no keyframes",
    "is missing required tags",
    "missing data offset",
    "_load_pages> raised",
    "_load_virtual_frames> raised",
)
# Parts of messages after which nothing is lost, or that a check of this package says better.
HARMLESS = (
    "coercing invalid ASCII",
    "is not a valid",
    "incorrect StripByteCounts count",
    "incorrect StripOffsets count",
    "missing ByteCounts tag",
    "missing data ByteCounts tag",
    "contains no pages",
    "invalid data type",
    "OME series level",
    "AVS series expected",
)
MAX_NOTICES = 3


class _Listener(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        heard = _heard.get()
        if heard is not None and record.levelno >= logging.WARNING:
            heard.append(record.getMessage())


# It takes the place of a NullHandler: without any handler Python would print what is logged to the user's stderr.
logging.getLogger("tifffile").addHandler(_Listener())


@contextmanager
def hearing() -> Iterator[list[str]]:
    """Collect what tifffile logs in this context."""
    heard: list[str] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def sort_messages(messages: list[str]) -> tuple[list[str], list[str]]:
    """Return the errors and the notices among what tifffile logged, each once and without its object names.

    Examples
    --------
    >>> sort_messages(["<tifffile.TiffPages @8> invalid page offset 900", "<tifffile.TiffFile 'a.bif'> BIF is odd"])
    (['invalid page offset 900'], ['BIF is odd'])
    """
    errors: dict[str, None] = {}
    notices: dict[str, None] = {}
    for message in messages:
        text = re.sub(r"<tifffile\.[^>]*>\s*", "", message)
        if any(part in message for part in HARMLESS):
            continue
        (errors if any(part in message for part in ERRORS) else notices)[text] = None
    return list(errors), list(notices)[:MAX_NOTICES]
