"""The pattern of names, found from the parts in which they differ.

Letters before a number say of which axis it is. Without letters, nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pyramid.model import Channel
from pyramid.ngff.channel_colors import dye_color
from pyramid.readers.patterns.template import AXIS_FIELDS, Field, Template, parse_template

# Letters before a number, by the axis that they mean.
_WORDS = {
    "t": ("t", "time", "tp", "timepoint", "frame", "fr", "cycle"),
    "c": ("c", "ch", "chan", "channel", "w", "wv", "wave", "wavelength"),
    "z": ("z", "zstep", "slice", "sl", "plane", "pl", "depth"),
    "s": ("s", "site", "xy", "pos", "position", "field", "fov", "tile", "series", "scene"),
    "x": ("x",),
    "y": ("y",),
    "row": ("row",),
    "column": ("col", "column"),
    "well": ("well",),
}
_MEANING = {word: name for name, words in _WORDS.items() for word in words}
# Names that programs write, and no letter explains: Micro-Manager 1 and 2, Opera and Operetta.
_KNOWN = (
    "*img_{t:9d}_{c}_{z:3d}.tif*",
    "*img_channel{c:3d}_position{s:3d}_time{t:9d}_z{z:3d}.tif*",
    "*r{row:2d}c{column:2d}f{field:2d}p{z:2d}-ch{c:d}sk{t:d}fk*fl*.tif*",
)
# Separators of the parts of a name. A date and its time, as 2024y05m01d_13h00m, are one part.
_SEPARATOR = re.compile(r"((?<!m[0-9][0-9]d)[_\-. ]+|/)")
_CLOCK = re.compile(r"(?:[0-9]+y[0-9]+m[0-9]+d_?)?(?:[0-9]+d)?[0-9]+h[0-9]+m(?:[0-9]+s)?")
_WELL = re.compile(r"[A-Pa-p][0-9]{2}")
_WAVE = re.compile(r"[wW][0-9].*[^0-9].*")
MAX_DYES = 32  # channels that are recognized by their dyes


@dataclass(frozen=True, slots=True)
class Guess:
    """A pattern of names, with the parts whose axis is unknown.

    Parameters
    ----------
    template
        The pattern. A part whose axis is unknown is a field without a name.
    unnamed
        The indices of those parts among those of the template, the numbers first.
    """

    template: Template
    unnamed: tuple[int, ...] = ()

    def with_names(self, letters: Sequence[str]) -> Template:
        """Return the pattern with a name for each part whose axis is unknown."""
        parts = list(self.template.parts)
        for index, letter in zip(self.unnamed, letters, strict=True):
            part = parts[index]
            assert isinstance(part, Field)
            parts[index] = replace(part, name=letter)
        return Template(tuple(parts))

    @property
    def offer(self) -> str:
        """A pattern that a user may mean."""
        taken = {field.name for field in self.template.fields}
        free = [letter for letter in "ztc" if letter not in taken]
        letters = []
        for index in self.unnamed:
            part = self.template.parts[index]
            is_number = isinstance(part, Field) and part.is_number
            letter = "c" if not is_number and "c" in free else free[0] if free else "s"
            free = [other for other in free if other != letter]
            letters.append(letter)
        return str(self.with_names(letters))


def guess_template(names: Sequence[str]) -> Guess | None:
    """Find the pattern of some names.

    Returns
    -------
    Guess or None
        None if the names are not made of the same parts.

    Examples
    --------
    >>> str(guess_template(["img_t001_z05.tif", "img_t001_z06.tif", "img_t002_z05.tif"]).template)
    'img_t{t:d}_z{z:d}.tif'
    >>> guess_template(["a_001.tif", "a_002.tif"]).offer
    'a_{z:d}.tif'
    """
    for known in map(parse_template, _KNOWN):
        matcher = known.matcher()
        if all(matcher.fullmatch(name) for name in names):
            return Guess(_with_constants(known, names))
    columns = _columns(names)
    if columns is None:
        return None
    fields: list[_Part] = []
    for number, texts in enumerate(columns):
        before = columns[number - 2][0] if number > 1 and len(set(columns[number - 2])) == 1 else ""
        fields += _parts(texts, before if number % 2 == 0 else "")
    return _guess(_settle(fields))


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of all names: a field or literal text, and the text of each name."""

    part: str | Field
    texts: Sequence[str] = ()

    @property
    def varies(self) -> bool:
        return isinstance(self.part, Field)

    @property
    def is_named(self) -> bool:
        return isinstance(self.part, Field) and bool(self.part.name)


def _with_constants(template: Template, names: Sequence[str]) -> Template:
    """Return a pattern with the text of each part that is the same in all names."""
    matcher = template.matcher()
    groups = [found.groups() for name in names if (found := matcher.fullmatch(name))]
    parts: list[str | Field] = []
    for number, part in enumerate(template.parts):
        texts = {group[number] for group in groups}
        is_wild = isinstance(part, Field) and not part.is_axis
        parts.append(texts.pop() if is_wild and len(texts) == 1 else part)
    return Template(tuple(part for part in parts if part != ""))


def _columns(names: Sequence[str]) -> list[list[str]] | None:
    """Return the texts of each part of the names; None if they differ in separators."""
    split = [_SEPARATOR.split(name) for name in names]
    length = len(split[0])
    if any(len(parts) != length for parts in split) or any(parts[1::2] != split[0][1::2] for parts in split):
        return None
    return [list(texts) for texts in zip(*split, strict=True)]


def _parts(texts: Sequence[str], before: str) -> Iterator[_Part]:
    """Yield the parts of a column: literal texts, and fields where it varies."""
    different = set(texts)
    if len({text.casefold() for text in different}) == 1:
        yield _Part(texts[0])
    elif all(map(_CLOCK.fullmatch, different)):
        yield _Part(Field("t"), texts)
    elif all(map(_WAVE.fullmatch, different)):
        yield _Part(texts[0][0])
        yield _Part(Field("c"), [text[1:] for text in texts])
    elif _are_dyes(different):
        yield _Part(Field("c"), texts)
    elif all(map(_WELL.fullmatch, different)) and not _is_axis_letter(different):
        yield _Part(Field("well"), texts)
    elif len({re.sub("[0-9]+", "0", text.casefold()) for text in different}) == 1:
        yield from _numbers(texts, before)
    else:
        yield _Part(Field(), texts)


def _are_dyes(different: set[str]) -> bool:
    """Return whether texts are names of dyes, and not one name with a number."""
    if len(different) > MAX_DYES or any(dye_color(Channel(text)) is None for text in different):
        return False
    stems = {text.casefold().rstrip("0123456789") for text in different}
    return len(stems) > 1 or len({dye_color(Channel(text)) for text in different}) == len(different)


def _is_axis_letter(different: set[str]) -> bool:
    letters = {text[0].casefold() for text in different}
    return len(letters) == 1 and _MEANING.get(letters.pop(), "") in (*AXIS_FIELDS, "s")


def _numbers(texts: Sequence[str], before: str) -> Iterator[_Part]:
    """Yield letters and numbers of a column; the letters name the number."""
    split = [re.split("([0-9]+)", text) for text in texts]
    letters = before
    for number, runs in enumerate(zip(*split, strict=True)):
        if number % 2 == 0:
            letters = runs[0] or letters
            if runs[0]:
                yield _Part(runs[0])
        elif len(set(runs)) == 1:
            yield _Part(runs[0])
        else:
            yield _Part(Field(_MEANING.get(letters.casefold(), ""), is_number=True), runs)
            letters = ""


def _settle(parts: list[_Part]) -> list[_Part]:
    """Settle fields of one axis, and parts that add nothing to the others.

    A field that appears twice with the same texts is one. A part whose axis is unknown does not matter if the others
    distinguish all files, and it is different in each file or follows from one of them.
    """
    firsts: dict[str, _Part] = {}
    settled: list[_Part] = []
    for each in parts:
        first = firsts.setdefault(each.part.name, each) if isinstance(each.part, Field) and each.part.name else each
        is_other = list(first.texts) != list(each.texts)
        settled.append(replace(each, part=Field(is_number=True)) if is_other else each)
    named = [each for each in settled if each.is_named]
    count = len(settled[0].texts) or max((len(each.texts) for each in settled), default=0)
    if not named or len(set(zip(*(each.texts for each in named), strict=True))) < count:
        return settled
    return [
        replace(each, part=Field(width=None), texts=())
        if each.varies and not each.is_named and _follows(each, named)
        else each
        for each in settled
    ]


def _follows(part: _Part, named: Sequence[_Part]) -> bool:
    """Return whether a part is another in each file, or follows from one field."""
    if len(set(part.texts)) == len(part.texts):
        return True
    return any(len(set(zip(each.texts, part.texts, strict=True))) == len(set(each.texts)) for each in named)


def _guess(parts: Sequence[_Part]) -> Guess:
    """Return the guess of settled parts, whose neighbouring texts are joined."""
    joined: list[_Part] = []
    for each in parts:
        if isinstance(each.part, str) and joined and isinstance(joined[-1].part, str):
            joined[-1] = _Part(joined[-1].part + each.part)
        elif each.part != "":
            joined.append(each)
    unnamed = tuple(i for i, each in enumerate(joined) if each.varies and not each.is_named and each.texts)
    return Guess(Template(tuple(each.part for each in joined)), unnamed)
