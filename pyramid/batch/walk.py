"""The images in a folder and in its folders, as far as readers know them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pyramid.batch.items import Request, derive_name
from pyramid.errors import PyramidError, SourceError
from pyramid.hierarchy.documents import ROOT_KEYS
from pyramid.hierarchy.nodes import read_node
from pyramid.options.convert import Options
from pyramid.readers import recognizes
from pyramid.readers.diagnosis import explain_refusal
from pyramid.readers.tiff.sets import leading_files
from pyramid.stores import open_objects


@dataclass
class Walk:
    """A walk through a folder.

    Hidden files and folders are left out. A folder that is reached twice, as by a link that leads around, is walked
    once.

    Parameters
    ----------
    options
        The options of the batch, for readers that must open a file to recognize it.
    without
        A folder that is not entered: where the batch writes.
    left_out
        Files of a kind that no reader knows.
    """

    options: Options
    without: Path | None = None
    left_out: list[str] = field(default_factory=list)
    _seen: set[tuple[int, int]] = field(default_factory=set)
    _outputs: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.without is not None and self.without.is_dir():
            self._outputs = _identity(self.without)

    def images(self, folder: Path) -> Iterator[Request]:
        """Yield the images of a folder with their paths below it, by name.

        Raises
        ------
        SourceError
            If the folder itself cannot be listed.
        """
        waiting = [folder]
        while waiting:
            at = waiting.pop()
            folders, files = self._list(at, is_first=at == folder)
            below = "" if at == folder else at.relative_to(folder).as_posix()
            images = [path for path in folders if _is_image(path)]
            for path in [*images, *self._recognized(files)]:
                yield Request(str(path), derive_name(str(path), below), is_found=True)
            waiting += [path for path in reversed(folders) if path not in images]

    def _list(self, folder: Path, *, is_first: bool) -> tuple[list[Path], list[Path]]:
        """Return the folders and the files of a folder, sorted by name."""
        try:
            found = _identity(folder)
            if not is_first and (found in self._seen or found == self._outputs):
                return [], []
            self._seen.add(found)
            with os.scandir(folder) as entries:
                shown = sorted((entry for entry in entries if entry.name[0] != "."), key=lambda entry: entry.name)
            folders = [folder / entry.name for entry in shown if entry.is_dir()]
            return folders, [folder / entry.name for entry in shown if entry.is_file() and entry.name not in ROOT_KEYS]
        except OSError as error:
            if is_first:
                raise explain_refusal(folder, error) from error
            self.left_out.append(str(folder))
            return [], []

    def _recognized(self, files: list[Path]) -> Iterator[Path]:
        """Yield the files that a reader recognizes, of each set of files only the first."""
        known = [path for path in files if self._is_recognized(path)]
        leading = leading_files(known)
        yield from (path for path in known if leading.get(path, path) == path)

    def _is_recognized(self, path: Path) -> bool:
        try:
            is_known = recognizes(path, self.options)
        except SourceError:  # it may not be read, and its own conversion says so
            is_known = True
        if not is_known:
            self.left_out.append(str(path))
        return is_known


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino


def _is_image(folder: Path) -> bool:
    """Return whether a folder is a Zarr array or image, also a damaged one."""
    if not any((folder / key).is_file() for key in ROOT_KEYS):
        return False
    try:
        node = read_node(open_objects(str(folder)))
    except PyramidError:  # its own conversion says why
        return True
    return node is None or node.array is not None or "multiscales" in node.ome or "pyramid" in node.attributes
