"""The table of vendors' formats."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pyramid.readers.files.file import SourceFile
    from pyramid.readers.vendors.stored import StoredImage


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files that hold images.

    Parameters
    ----------
    name, ending
        Its name in messages, and the ending of its files in small letters.
    starts
        The first bytes of its files, of which ``None`` stands for any byte.
    module
        The module whose function ``find_images`` finds the images of a file. It is imported at the first such file.
        Where an image may be in several files, its ``find_files`` finds those.
    """

    name: str
    ending: str
    starts: tuple[tuple[int | None, ...], ...]
    module: str

    def begins(self, start: bytes) -> bool:
        """Return whether first bytes are those of this format."""
        return any(
            len(start) >= len(sign) and all(s is None or s == b for s, b in zip(sign, start, strict=False))
            for sign in self.starts
        )

    def find_files(self, file: SourceFile) -> tuple[SourceFile, ...]:
        """Return a file with those that belong to it, the first one first.

        Raises
        ------
        SourceError
            If one is missing or damaged.
        """
        found = getattr(importlib.import_module(self.module), "find_files", None)
        return (file,) if found is None else cast("tuple[SourceFile, ...]", found(file))

    def find_images(self, files: Sequence[SourceFile]) -> Sequence[StoredImage]:
        """Return the images of a file, or of the files of `find_files`.

        Raises
        ------
        SourceError
            If the file is damaged, or the library that reads it is not installed.
        """
        found = importlib.import_module(self.module).find_images
        return cast("Callable[[Sequence[SourceFile]], Sequence[StoredImage]]", found)(files)


START_BYTES = 16  # of a file that show its format
_WITHIN = f"{__name__.rpartition('.')[0]}."
FORMATS = (
    Format("CZI", ".czi", (tuple(b"ZISRAWFILE"),), f"{_WITHIN}czi"),
    # A mark, the size of what follows, and another mark.
    Format("LIF", ".lif", ((0x70, 0, 0, 0, None, None, None, None, 0x2A),), f"{_WITHIN}lif"),
    # Today's files, and those of JPEG 2000 that older versions wrote.
    Format("ND2", ".nd2", (tuple(b"\xda\xce\xbe\x0a"), tuple(b"\0\0\0\x0cjP  \r\n\x87\n")), f"{_WITHIN}nd2"),
)


def named_format(name: str) -> Format | None:
    """Return the format of a file's name, in small letters; None for others."""
    return next((each for each in FORMATS if name.endswith(each.ending)), None)


def begun_format(name: str, start: bytes) -> Format | None:
    """Return the format of a file's first bytes; None for others.

    JPEG 2000 that is not named so is not taken for ND2.
    """
    named = named_format(name)
    if named is not None and named.begins(start):
        return named
    return next((each for each in FORMATS if each.begins(start) and not start.startswith(b"\0\0\0\x0c")), None)
