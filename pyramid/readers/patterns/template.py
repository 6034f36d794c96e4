"""The pattern of file names: literal text, axes, and parts that do not matter.

A field is ``{t}``, ``{c}`` or ``{z}``: any text. ``{t:d}`` is a number, ``{t:3d}`` one of three digits. ``*`` is any
text, ``?`` one letter, and ``{{`` and ``}}`` are braces. None of them goes past a slash.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyramid.errors import OptionError, short_repr
from pyramid.options.nearest import unknown

# Fields that are axes of an image.
AXIS_FIELDS = ("t", "c", "z")
# Fields that tell images from each other: their files are not stitched.
SITE_FIELDS = ("s", "site", "f", "field", "position", "tile", "row", "column", "well", "acquisition", "y", "x")
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[*?]|[{}]")
_FIELD = re.compile(r"\s*(\w*)\s*(?::\s*0?([1-9][0-9]?)?d\s*)?")
_EXAMPLE = "write it as img_t{t:d}_{c}_z{z:d}.tif"


@dataclass(frozen=True, slots=True)
class Field:
    """A part of a name that varies.

    Parameters
    ----------
    name
        One of AXIS_FIELDS or SITE_FIELDS; empty for a part that does not matter.
    is_number
        Whether it holds digits only, and is ordered by their value.
    width
        The number of its letters; None for any.
    """

    name: str = ""
    is_number: bool = False
    width: int | None = None

    @property
    def is_axis(self) -> bool:
        """True if its values are the places on an axis of the image."""
        return self.name in AXIS_FIELDS

    def __str__(self) -> str:
        """Return the field as a pattern has it."""
        if not self.name:
            return "*" if self.width is None else "?"
        form = f":{self.width or ''}d" if self.is_number else ""
        return f"{{{self.name}{form}}}"

    @property
    def expression(self) -> str:
        """A regular expression of what it matches."""
        if self.is_number:
            return "[0-9]+(?![0-9])" if self.width is None else f"[0-9]{{{self.width}}}"
        if not self.name:
            return "[^/]*?" if self.width is None else "[^/]"
        return "[^/]+?"


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed pattern.

    Parameters
    ----------
    parts
        Literal texts and fields, in turn in the order of a name.

    Examples
    --------
    >>> template = parse_template("img_t{t:d}_{c}.tif")
    >>> template.matcher().fullmatch("img_t007_DAPI.TIF").groups()
    ('img_t', '007', '_', 'DAPI', '.TIF')
    """

    parts: tuple[str | Field, ...]

    def __str__(self) -> str:
        """Return the pattern as a user writes it."""
        return "".join(
            str(part) if isinstance(part, Field) else part.replace("{", "{{").replace("}", "}}") for part in self.parts
        )

    @property
    def depth(self) -> int:
        """Number of folders in the pattern."""
        return sum(part.count("/") for part in self.parts if isinstance(part, str))

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields with a name, each once, in the order of a name."""
        found = {part.name: part for part in reversed(self.parts) if isinstance(part, Field) and part.name}
        return tuple(reversed(found.values()))

    def first_index(self, field: Field) -> int:
        """Return the index among `parts` at which a field appears first."""
        return next(i for i, part in enumerate(self.parts) if isinstance(part, Field) and part.name == field.name)

    def matcher(self) -> re.Pattern[str]:
        """Return the expression that matches names, with a group for each part.

        Letters of literal texts match in both cases. A field that appears twice has the same text in both places.
        """
        return re.compile("".join(self._groups()), re.IGNORECASE)

    def _groups(self) -> Iterator[str]:
        seen: dict[str, int] = {}
        for number, part in enumerate(self.parts, 1):
            if isinstance(part, str):
                yield f"({re.escape(part)})"
            elif part.name and part.name in seen:
                yield f"(\\{seen[part.name]})"
            else:
                seen[part.name] = number
                yield f"({part.expression})"


def parse_template(text: str) -> Template:
    """Parse a pattern.

    Raises
    ------
    OptionError
        For a field that is unknown or has no end, and for neighbours of which nobody can say where one ends.

    Examples
    --------
    >>> str(parse_template("t{t:d}/z{z:03d}_*.tif"))
    't{t:d}/z{z:3d}_*.tif'
    """
    parts: list[str | Field] = []
    at = 0
    for token in _TOKEN.finditer(text):
        _add(parts, text[at : token.start()])
        at = token.end()
        if token[0] in ("{{", "}}"):
            _add(parts, token[0][0])
        elif token[0] in ("{", "}"):
            raise OptionError(
                f"the pattern {short_repr(text)} has a brace without its other one; write a brace of a name twice, as "
                "{{ or }}"
            )
        elif not (token[0] == "*" and parts and parts[-1] == Field()):  # several are as one
            parts.append(_parse_field(token, text))
    _add(parts, text[at:])
    template = Template(tuple(parts))
    _check(template, text)
    return template


def _add(parts: list[str | Field], literal: str) -> None:
    """Append literal text, which is joined with literal text before it."""
    if literal and parts and isinstance(parts[-1], str):
        parts[-1] += literal
    elif literal:
        parts.append(literal)


def _parse_field(token: re.Match[str], text: str) -> Field:
    if token[0] in "*?":
        return Field(width=None if token[0] == "*" else 1)
    found = _FIELD.fullmatch(token[1])
    if not found:
        raise OptionError(
            f"{token[0]} in the pattern {short_repr(text)} is not a field: it is a name, and :d for a number or :3d "
            f"for one of three digits; {_EXAMPLE}"
        )
    name = found[1].lower()
    if name not in (*AXIS_FIELDS, *SITE_FIELDS):
        raise OptionError(f"pattern {short_repr(text)}: {unknown('field', found[1], (*AXIS_FIELDS, *SITE_FIELDS))}")
    return Field(name, ":" in token[1], int(found[2]) if found[2] else None)


def _check(template: Template, text: str) -> None:
    """Raise OptionError for a pattern that reads no name, or one in several ways."""
    if text.startswith("/") or ".." in text.split("/"):
        raise OptionError(f"the pattern {short_repr(text)} begins above SOURCE; give names within SOURCE, without '..'")
    for one, other in _neighbours(template.parts):
        if one.width is None and (other.width is None or not one.is_number) and one.name and not _ends(one, other):
            raise OptionError(
                f"{one}{other} in the pattern {short_repr(text)} has nothing between its parts, so that nothing says "
                "where one ends; write what is between them, or give numbers their width, as {t:3d}{z:2d}"
            )
    kinds: dict[str, Field] = {}
    for part in template.parts:
        if isinstance(part, Field) and part.name and kinds.setdefault(part.name, part) != part:
            raise OptionError(
                f"{{{part.name}}} is in the pattern {short_repr(text)} as {kinds[part.name]} and as {part}; write "
                "it in one way"
            )


def _ends(one: Field, other: Field) -> bool:
    """Return whether the end of a field is clear before its neighbour."""
    if one.is_number:
        return not other.is_number
    return other.is_number and other.width is not None


def _neighbours(parts: Sequence[str | Field]) -> Iterator[tuple[Field, Field]]:
    for one, other in itertools.pairwise(parts):
        if isinstance(one, Field) and isinstance(other, Field):
            yield one, other
