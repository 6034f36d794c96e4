"""The mapping of files to places, by the values in their names."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pyramid.errors import SourceError
from pyramid.model import AXES, Shape
from pyramid.readers.patterns.listing import Listing
from pyramid.readers.patterns.names import Names, index_of, make_names, place_of
from pyramid.readers.patterns.template import Field, Template
from pyramid.readers.patterns.values import Values, natural_key, order_values
from pyramid.tables import format_count, format_list

# The most places of an image: a table of them is still in memory at once.
MAX_PLACES = 2**22
MAX_LISTED = 3  # files that a message names


@dataclass(frozen=True, slots=True)
class Mapping:
    """The files of an image by their place.

    Parameters
    ----------
    template
        The pattern that reads the names.
    values
        The values on each axis of the names, in the order of ``tczyx``.
    names
        The names of the files.
    missing
        How many places have no file.
    examples
        Names of some files that are missing.
    unmatched
        Names that the pattern does not match: how many, and some of them.
    first, last
        The places of the first and the last file.
    """

    template: Template
    values: tuple[Values, ...]
    names: Names
    missing: int
    examples: tuple[str, ...]
    unmatched: tuple[int, tuple[str, ...]]
    first: Shape
    last: Shape

    @property
    def axes(self) -> str:
        """The axes of the names, letters of ``tcz`` in that order."""
        return "".join(each.field.name for each in self.values)

    @property
    def shape(self) -> Shape:
        """Places on each of `axes`."""
        return self.names.shape

    @property
    def files(self) -> int:
        """The number of files."""
        return math.prod(self.shape) - self.missing

    def name(self, index: Shape) -> str:
        """Return the name of a file that exists."""
        name = self.names.at(index)
        assert name is not None, "the place has a file"
        return name

    @property
    def described(self) -> str:
        """The values on each axis, in one line."""
        return "; ".join(f"{each.field.name}: {each.describe()}" for each in self.values)

    @property
    def listed_missing(self) -> str:
        """Some names of files that are missing."""
        more = self.missing - len(self.examples)
        return ", ".join(self.examples) + (f" and {more} more" if more else "")

    def facts(self) -> tuple[tuple[str, str], ...]:
        """Return the mapping as rows of a table: a name and a value each."""
        rows = [("pattern", str(self.template))]
        rows += [(f"{each.field.name} in the names", each.describe()) for each in self.values]
        rows += [("files", f"{self.files}, from {self.name(self.first)} to {self.name(self.last)}")]
        if self.missing:
            rows += [("missing files", f"{self.missing}: {self.listed_missing}")]
        return tuple(rows)


@dataclass(frozen=True, slots=True)
class Matched:
    """The texts of the fields of each file that a pattern matches."""

    names: list[str]
    groups: list[tuple[str, ...]]
    unmatched: list[str]


def map_files(template: Template, listing: Listing) -> Mapping:
    """Read the names of all files by a pattern.

    Raises
    ------
    SourceError
        If no file matches, if two have one place, or if there are several sites.
    """
    matched = match_names(template, listing)
    shown = _without_single_sites(template, matched, listing)
    fields = sorted((field for field in template.fields if field.is_axis), key=lambda field: AXES.index(field.name))
    columns = [template.first_index(field) for field in fields]
    texts = ({group[column] for group in matched.groups} for column in columns)
    values = tuple(map(order_values, fields, texts))
    shape = tuple(len(each.texts) for each in values)
    if math.prod(shape) > MAX_PLACES:
        raise SourceError(
            f"{listing.given}: the names make {math.prod(shape)} places of {len(matched.names)} files, and the most is "
            f"{MAX_PLACES}; check the pattern {template}"
        )
    files = _place_files(matched, columns, values, shape, listing)
    parts = _usual_parts(template, matched, {field.name: i for i, field in enumerate(fields)})
    names = make_names(parts, tuple(each.texts for each in values), files)
    absent = (place for place in range(math.prod(shape)) if place not in files)
    return Mapping(
        shown,
        values,
        names,
        missing=math.prod(shape) - len(files),
        examples=tuple(names.regular(index_of(place, shape)) for place in itertools.islice(absent, MAX_LISTED)),
        unmatched=(len(matched.unmatched), tuple(_some(matched.unmatched))),
        first=index_of(min(files), shape),
        last=index_of(max(files), shape),
    )


def match_names(template: Template, listing: Listing) -> Matched:
    """Return the texts of the names that match; raise SourceError if none does."""
    matcher = template.matcher()
    matched = Matched([], [], [])
    for name in listing.names:
        found = matcher.fullmatch(name)
        if found is None:
            matched.unmatched.append(name)
        else:
            matched.names.append(name)
            matched.groups.append(found.groups())
    if not matched.names:
        raise SourceError(
            f"{listing.given}: none of its {format_count(len(listing.entries), 'TIFF')} matches the pattern "
            f"{template}; they are named as {', '.join(_some(matched.unmatched))}"
        )
    return matched


def _some(names: list[str]) -> list[str]:
    """Return the first names in the order in which people count."""
    return heapq.nsmallest(MAX_LISTED, names, key=natural_key)


def _without_single_sites(template: Template, matched: Matched, listing: Listing) -> Template:
    """Return the pattern with the only value of each field of sites in its place.

    Raises
    ------
    SourceError
        If there are several sites: they are not stitched.
    """
    parts = list(template.parts)
    several: list[tuple[Field, list[str]]] = []
    for field in template.fields:
        if field.is_axis:
            continue
        column = template.first_index(field)
        texts = sorted({group[column] for group in matched.groups})
        if len(texts) > 1:
            several.append((field, texts))
        parts = [texts[0] if part == field else part for part in parts]
    if several:
        raise _refuse_sites(Template(join_literals(parts)), several, listing)
    return Template(join_literals(parts))


def _refuse_sites(one: Template, several: Sequence[tuple[Field, list[str]]], listing: Listing) -> SourceError:
    listed = "; ".join(f"{field.name} {format_list(texts, MAX_LISTED)}" for field, texts in several)
    return SourceError(
        f"{listing.given} holds several sites ({listed}), and each is an image of its own: they are not stitched; "
        f'convert one at a time, the first with pattern="{one}"; if they are t, c or z, write that in the pattern'
    )


def join_literals(parts: Sequence[str | Field]) -> tuple[str | Field, ...]:
    """Join neighbouring literal texts."""
    found: list[str | Field] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return tuple(found)


def _place_files(
    matched: Matched, columns: Sequence[int], values: Sequence[Values], shape: Shape, listing: Listing
) -> dict[int, str]:
    """Return the name of each file by the number of its place."""
    indices = []
    for each in values:
        by_number = {int(text): i for i, text in enumerate(each.texts)} if each.field.is_number else {}
        indices.append((by_number, {text: i for i, text in enumerate(each.texts)}))
    files: dict[int, str] = {}
    for name, group in zip(matched.names, matched.groups, strict=True):
        index = tuple(
            by_number[int(group[column])] if by_number else by_text[group[column]]
            for column, (by_number, by_text) in zip(columns, indices, strict=True)
        )
        other = files.setdefault(place_of(index, shape), name)
        if other != name:
            where = ", ".join(f"{v.field.name} {v.texts[i]}" for v, i in zip(values, index, strict=True))
            raise SourceError(
                f"{listing.given}: {other} and {name} are both for {where or 'the only place'}; remove one, or tell "
                "them apart in the pattern"
            )
    return files


def _usual_parts(template: Template, matched: Matched, axes: dict[str, int]) -> tuple[str | int, ...]:
    """Return the parts of most names: the number of an axis, or a text."""
    parts: list[str | int] = []
    for number, part in enumerate(template.parts):
        if isinstance(part, Field) and part.name in axes:
            parts.append(axes[part.name])
        else:
            parts.append(Counter(group[number] for group in matched.groups).most_common(1)[0][0])
    return tuple(parts)


def check_missing(mapping: Mapping, listing: Listing, *, fill: bool) -> tuple[str, ...]:
    """Return notices about what is missing or does not match.

    Raises
    ------
    SourceError
        If files are missing, unless `fill`.
    """
    notices = []
    count, names = mapping.unmatched
    if count:
        more = f" and {count - len(names)} more" if count > len(names) else ""
        verb = "does" if count == 1 else "do"
        notices.append(
            f"{format_count(count, 'TIFF')} of {listing.given} {verb} not match the pattern {mapping.template}, and "
            f"{'is' if count == 1 else 'are'} left out: {', '.join(names)}{more}"
        )
    if mapping.missing:
        missing = f"{mapping.missing} of {math.prod(mapping.shape)} files are missing: {mapping.listed_missing}"
        absent = [each for each in mapping.values if each.absent]
        if not fill:
            raise SourceError(f"{listing.given}: {missing}{_name_absent(absent)}; {_missing_remedy(absent)}")
        notices.append(f"{missing}{_name_absent(absent)}; their pixels are 0")
    return tuple(notices)


def _missing_remedy(absent: Sequence[Values]) -> str:
    as_they_come = "".join(
        f", or write {{{each.field.name}}} in pattern=... to take its numbers as they come" for each in absent
    )
    return f"copy them, or give fill_missing=True, which makes their pixels 0{as_they_come}"


def _name_absent(absent: Sequence[Values]) -> str:
    """Name the values of which every file is missing."""
    named = [
        f"{each.field.name} {format_list([str(int(each.texts[i])) for i in sorted(each.absent)], MAX_LISTED)}"
        for each in absent
    ]
    return f" (all of {'; '.join(named)})" if named else ""
