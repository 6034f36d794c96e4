"""Parser of ``select``: which pixels of each axis are taken.

It has the slices of Python, single indices, lists of indices, and names of channels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pyramid.errors import OptionError, short_repr
from pyramid.model import AXES
from pyramid.options import parsing

EXAMPLE = "t=0:10,c=DAPI|GFP,z=::2,y=0:4096"
# A pattern of items between separators, in which text between quotes is kept together.
_BETWEEN = r'(?:[^%s"]|"[^"]*")+'
_NUMBER = r"[-+]?\d{1,18}"
_WHOLE = re.compile(rf"\s*{_NUMBER}\s*")
_SPAN = re.compile(rf"\s*({_NUMBER})?\s*:\s*({_NUMBER})?\s*(?::\s*({_NUMBER})?\s*)?")
# The axes of which single indices may be listed. Of y and x a slice is taken.
_LISTED = "tcz"


@dataclass(frozen=True, slots=True)
class Span:
    """A slice of an axis, as Python's: negative ends count from the end.

    Examples
    --------
    >>> str(Span(0, None, 2)), Span(-10, None).slice
    ('0::2', slice(-10, None, 1))
    """

    start: int | None = None
    stop: int | None = None
    step: int = 1

    @property
    def slice(self) -> slice:
        """The slice of Python."""
        return slice(self.start, self.stop, self.step)

    def __str__(self) -> str:
        ends = ":".join("" if end is None else str(end) for end in (self.start, self.stop))
        return ends if self.step == 1 else f"{ends}:{self.step}"


Items: TypeAlias = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """The pixels that are taken from each axis; all of an axis that is not named.

    Parameters
    ----------
    picks
        The axis and what is taken of it, in the order of ``tczyx``: a slice, or indices and names of channels.

    Examples
    --------
    >>> str(Selection((("c", ("DAPI", 1)), ("z", Span(step=2)))))
    'c=DAPI|1,z=::2'
    """

    picks: tuple[tuple[str, Span | Items], ...]

    def __str__(self) -> str:
        return ",".join(f"{axis}={show_pick(pick)}" for axis, pick in self.picks)


def show_pick(pick: Span | Items) -> str:
    """Return a pick as text that parses to it."""
    return str(pick) if isinstance(pick, Span) else "|".join(map(_show_item, pick))


def _show_item(item: int | str) -> str:
    plain = isinstance(item, int) or not (_WHOLE.fullmatch(item) or _SPAN.fullmatch(item) or re.search('[,|"]', item))
    return str(item) if plain and str(item).strip() == str(item) else f'"{item}"'


def parse_selection(value: object) -> Selection:
    """Parse text, or a mapping from axes to slices, indices, names and lists of them.

    Examples
    --------
    >>> text = parse_selection("z=::2, c=DAPI|1")
    >>> text == parse_selection({"c": ["DAPI", 1], "z": slice(None, None, 2)}), str(text)
    (True, 'c=DAPI|1,z=::2')
    """
    if isinstance(value, Selection):
        return value
    if isinstance(value, Mapping):
        pairs = [(str(axis).strip().lower(), pick) for axis, pick in value.items()]
    elif isinstance(value, str):
        pairs = list(_pairs(value))
    else:
        raise OptionError(f"{short_repr(value)} names no axes; write {EXAMPLE}, or a mapping")
    found: dict[str, Span | Items] = {}
    for axis, pick in pairs:
        if axis not in AXES or len(axis) != 1:
            raise OptionError(parsing.unknown_axis(axis, value))
        if axis in found:
            raise OptionError(f"axis {axis!r} is named twice in {short_repr(value)}; name each axis once")
        try:
            found[axis] = _pick(axis, pick)
        except OptionError as error:
            raise OptionError(f"{axis}: {error}") from None
    if not found:
        raise OptionError(f"it is empty; write {EXAMPLE}, or leave the option out")
    return Selection(tuple((axis, found[axis]) for axis in AXES if axis in found))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield the axis and the text after ``=`` of each item."""
    if text.count('"') % 2:
        raise OptionError(f'{short_repr(text)} has a quote that is not closed; put " at both ends of a name')
    for item in re.findall(_BETWEEN % ",", text):
        axis, equals, right = item.partition("=")
        if equals and right.strip():
            yield axis.strip().lower(), right
        elif item.strip():
            reason = "takes nothing" if equals else "names no axis"
            raise OptionError(
                f"{short_repr(item.strip())} {reason}; write {EXAMPLE}, with | between several of one axis"
            )


def _pick(axis: str, value: Any) -> Span | Items:  # noqa: ANN401  (as users give it)
    """Parse the part of one axis."""
    if isinstance(value, slice):
        return _span(value.start, value.stop, value.step)
    if isinstance(value, range) and min((0, *value[:1], *value[-1:])) == 0 < value.step:
        return Span(value.start, value.stop, value.step)
    if isinstance(value, str):
        span = _SPAN.fullmatch(value)
        if span:
            return _span(*(None if end is None else int(end) for end in span.groups()))
        items = [_item(axis, text.strip()) for text in re.findall(_BETWEEN % "|", value)]
    else:
        value = value.tolist() if hasattr(value, "tolist") else value
        several = value if isinstance(value, Sequence) else [value]
        items = [item if isinstance(item, str) else _index(item) for item in several]
    if not items:
        raise OptionError(f"{short_repr(value)} takes nothing; write indices, as {axis}=0|2, or a slice, as {axis}=0:2")
    named = next((item for item in items if isinstance(item, str)), None)
    if named is not None and axis != "c":
        raise OptionError(f"{short_repr(named)} is neither an index nor a slice; write {axis}=4 or {axis}=0:10:2")
    if len(items) > 1 and axis not in _LISTED:
        raise OptionError(f"of {axis} one slice is taken, not a list; write {axis}=0:4096")
    return tuple(items)


def _item(axis: str, text: str) -> int | str:
    if _WHOLE.fullmatch(text):
        return int(text)
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    if ":" in text and axis != "c":
        raise OptionError(f"{text!r} is not a slice; write start:stop or start:stop:step, as 0:10:2")
    if not text:
        raise OptionError("an item is empty; write one between each two |")
    return text


def _span(start: object, stop: object, step: object) -> Span:
    begin, end = (None if value is None else _index(value) for value in (start, stop))
    stride = 1 if step is None else _index(step)
    if stride < 1:
        raise OptionError(f"a step of {stride} is not above 0; an axis keeps its direction: write 1 or more")
    return Span(begin, end, stride)


def _index(value: Any) -> int:  # noqa: ANN401  (as users give it)
    """Parse a whole number, Python's or NumPy's."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise OptionError(f"{short_repr(value)} is not a whole number; give one, as 4, or a slice, as slice(0, 10)")
    return int(value.__index__())
