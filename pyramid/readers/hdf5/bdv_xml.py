"""The XML of BigDataViewer: setups, time points, missing views and registrations.

Axes are in the order x, y, z here, as in the XML.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TypeAlias
from xml.parsers.expat import ExpatError

from pyramid.errors import SourceError, short_repr
from pyramid.readers.files.file import SourceFile
from pyramid.readers.tiff.xml import XmlReader

# A transformation of x, y and z: three rows of three factors and an offset.
Affine: TypeAlias = tuple[tuple[float, float, float, float], ...]

IDENTITY: Affine = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0))
MAX_XML_BYTES = 64 * 2**20
MAX_TIMES = 1_000_000
ROOT = "SpimData"


@dataclass(slots=True)
class Setup:
    """A view setup: one image over time."""

    number: int = 0
    name: str = ""
    size: tuple[float, ...] = ()
    unit: str = ""
    voxel: tuple[float, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class BdvXml:
    """The content of an XML.

    Parameters
    ----------
    image_format, hdf5
        The format of the pixels, and the path of their file.
    setups, times
        All setups, and the numbers of the time points.
    missing
        Pairs of time point and setup that were not taken.
    registrations
        The transformations of a time point and setup, the last applied first.
    names
        Names of the values of attributes, by kind of attribute and number.
    """

    image_format: str = ""
    hdf5: str = ""
    setups: list[Setup] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    missing: set[tuple[int, int]] = field(default_factory=set)
    registrations: dict[tuple[int, int], list[Affine]] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def affine(self, time: int, setup: int) -> Affine | None:
        """Return the whole transformation of a view; None if it has none."""
        parts = self.registrations.get((time, setup))
        if not parts:
            return None
        whole = IDENTITY
        for part in parts:
            whole = _multiply(whole, part)
        return whole


def read_bdv_xml(file: SourceFile) -> BdvXml:
    """Read the XML of a file.

    Raises
    ------
    SourceError
        If it is not well-formed, defines a document type, or a number in it is not one.
    """
    with file.open() as stream:
        data = stream.read(MAX_XML_BYTES + 1) or b""
    if len(data) > MAX_XML_BYTES:
        raise SourceError(
            f"{file} has more than {MAX_XML_BYTES} bytes, more than an XML of BigDataViewer; check the path"
        )
    reader = _Reader()
    try:
        reader.read(data.decode("utf-8-sig"))
    except SourceError as error:
        raise SourceError(f"{file}: {error}") from error
    except (ExpatError, UnicodeError, ValueError, OverflowError) as error:
        raise SourceError(f"{file} is damaged: {error}; save it again") from error
    return reader.found


class _Reader(XmlReader):
    def __init__(self) -> None:
        super().__init__()
        self.found = BdvXml()
        self._texts: list[str] = []
        self._view = (0, 0)
        self._kind = self._value = ""
        self._range: dict[str, int] = {}

    def start(self, element: str, attributes: dict[str, str]) -> None:
        self._texts = []
        found = self.found
        if element == "ImageLoader":
            found.image_format = attributes.get("format", "")
        elif element == "ViewSetup":
            found.setups.append(Setup())
        elif element == "Attributes":
            self._kind = attributes.get("name", "")
        elif element in ("MissingView", "ViewRegistration"):
            self._view = (int(attributes["timepoint"]), int(attributes["setup"])) if _has_view(attributes) else (-1, -1)
            if element == "MissingView":
                found.missing.add(self._view)

    def text(self, text: str) -> None:
        self._texts.append(text)

    def end(self, element: str) -> None:
        text, above = "".join(self._texts).strip(), self.path[-1] if self.path else ""
        self._texts = []
        found = self.found
        if element == "hdf5" and above == "ImageLoader":
            found.hdf5 = text
        elif element == "affine" and above == "ViewTransform":
            found.registrations.setdefault(self._view, []).append(_affine(text))
        elif "ViewSetup" in self.path:
            self._end_of_setup(found.setups[-1], element, above, text)
        elif "Timepoints" in self.path:
            self._end_of_times(element, text)
        elif self._kind and above not in ("Attributes", ROOT, "ViewSetups", "SequenceDescription"):
            if element == "id":
                self._value = text
            elif element == "name":
                found.names[self._kind, self._value] = text

    def _end_of_setup(self, setup: Setup, element: str, above: str, text: str) -> None:
        if above == "ViewSetup" and element == "id":
            setup.number = int(text)
        elif above == "ViewSetup" and element == "name":
            setup.name = text
        elif above == "ViewSetup" and element == "size":
            setup.size = _numbers(text, 3)
        elif above == "voxelSize" and element == "size":
            setup.voxel = _numbers(text, 3)
        elif above == "voxelSize" and element == "unit":
            setup.unit = text
        elif above == "attributes":
            setup.attributes[element] = text

    def _end_of_times(self, element: str, text: str) -> None:
        if element in ("first", "last"):
            self._range[element] = int(text)
            if len(self._range) == 2:
                self.found.times = _bounded(self._range["first"], self._range["last"])
        elif element == "integerpattern":
            self.found.times = _pattern(text)


def _has_view(attributes: dict[str, str]) -> bool:
    return "timepoint" in attributes and "setup" in attributes


def _numbers(text: str, count: int) -> tuple[float, ...]:
    numbers = tuple(float(word) for word in text.replace(",", " ").split())
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{short_repr(text)} is not {count} numbers")
    return numbers


def _affine(text: str) -> Affine:
    n = _numbers(text, 12)
    return tuple((n[i], n[i + 1], n[i + 2], n[i + 3]) for i in (0, 4, 8))


def _bounded(first: int, last: int, step: int = 1) -> list[int]:
    if first < 0 or step < 1 or (last - first) // step >= MAX_TIMES:
        raise ValueError(f"time points from {first} to {last} are more than {MAX_TIMES}, or below 0")
    return list(range(first, last + 1, step))


def _pattern(text: str) -> list[int]:
    """Return the numbers of a pattern, as ``0-9, 12, 20-30:2``."""
    times: list[int] = []
    for part in filter(None, map(str.strip, text.split(","))):
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9})(?::(\d{1,9}))?)?", part)
        if match is None:
            raise ValueError(f"the pattern of time points {short_repr(text)} is not numbers and ranges")
        times += _bounded(int(match[1]), int(match[2] or match[1]), int(match[3] or 1))
        if len(times) > MAX_TIMES:
            raise ValueError(f"more than {MAX_TIMES} time points")
    return sorted(set(times))


def _multiply(one: Affine, other: Affine) -> Affine:
    """Return the transformation that applies `other` first."""
    rows = (*other, (0.0, 0.0, 0.0, 1.0))
    product = ([sum(row[k] * rows[k][j] for k in range(4)) for j in range(4)] for row in one)
    return tuple((a, b, c, d) for a, b, c, d in product)
