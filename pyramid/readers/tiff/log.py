"""Messages that tifffile logs about a file, sorted into errors and notices.

tifffile forgives what it can, and logs it. The whole process shares its logger. So the one handler here passes a record
only to the list of the context (thread and task) that logged it. If a program silences tifffile's logger, the checks of
`chain` and `pages` remain. They find by themselves whatever loses pixels.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_heard: ContextVar[list[str] | None] = ContextVar("messages of tifffile in this context", default=None)

# Parts of messages that mean that pixels, or their order, are not as the file says.
ERRORS = (
    "invalid page offset",
    "invalid offset to",
    "invalid circular reference",
    "invalid value offset",
    "invalid valueoffset",
    "corrupted tag list",
    "could not read all values",
    "metadata invalid or corrupted",
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
# Parts of messages that mean no loss, or that a check of this package says better.
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
    "BIF series tiles are not stitched",
)
MAX_NOTICES = 3  # of tifffile about one file, so that a report stays short


class _Listener(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        heard = _heard.get()
        if heard is not None and record.levelno >= logging.WARNING:
            heard.append(record.getMessage())


# It also serves as a NullHandler: without any handler, Python would print the messages to the user's stderr.
logging.getLogger("tifffile").addHandler(_Listener())


@contextmanager
def hearing() -> Iterator[list[str]]:
    """Collect the messages that tifffile logs in this context."""
    heard: list[str] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def sort_messages(messages: list[str]) -> tuple[list[str], list[str]]:
    """Return the errors and the notices among tifffile's messages.

    Each is returned once, without the names of tifffile's objects.

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
