"""The steps from listed TIFFs to an image: a pattern, then the place of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyramid.errors import OptionError, SourceError
from pyramid.readers.diagnosis import explain_missing
from pyramid.readers.paths import is_listed, local_path
from pyramid.readers.patterns.asking import ask_for_pattern
from pyramid.readers.patterns.guessing import Guess, guess_template
from pyramid.readers.patterns.listing import Listing, list_files
from pyramid.readers.patterns.mapping import check_missing, map_files
from pyramid.readers.patterns.template import Field, Template, parse_template

if TYPE_CHECKING:
    from pyramid.model import Source
    from pyramid.options.convert import Options
    from pyramid.readers.patterns.site_files import SiteFiles


def open_listed(source: object, options: Options) -> Source | None:
    """List the TIFFs of a folder or glob, and open them (see `open_files`)."""
    path = local_path(source)
    template = None if options.pattern is None else _parse(options.pattern)
    listing = list_files(source, options, None if template is None else template.depth)
    if listing.entries:
        return _open_listing(listing, template, options)
    if path is not None and not path.is_dir():
        raise explain_missing(path)
    if template is not None or is_listed(source):
        raise SourceError(f"{listing.given} holds no TIFF; check the address, and the folders of the pattern")
    return None


def open_site(source: SiteFiles, options: Options) -> Source:
    """Open the files of one site as an image."""
    from pyramid.readers.patterns.reading import open_mapped  # noqa: PLC0415  (tifffile: 0.4 s)

    mapping = map_files(source.template, source.listing)
    notices = check_missing(mapping, source.listing, fill=options.fill_missing)
    return open_mapped(mapping, source.listing, options, notices)


def _parse(pattern: str) -> Template:
    try:
        return parse_template(pattern)
    except OptionError as error:
        raise OptionError(f"pattern: {error}") from None


def _open_listing(listing: Listing, template: Template | None, options: Options) -> Source:
    """Open listed files by a pattern, or by one that is found in their names."""
    from pyramid.readers.patterns.reading import open_mapped, open_one, open_set  # noqa: PLC0415  (tifffile: 0.4 s)
    from pyramid.readers.patterns.run_metadata import describe_run  # noqa: PLC0415

    if template is None and len(listing.entries) == 1:
        return open_one(listing, options)
    said: tuple[str, ...] = ()
    if template is None:
        guess = guess_template(listing.names)
        template = None if guess is None else _named(guess, options.axes)
        found = open_set(listing, options, quietly=template is None)
        if found is not None:
            return found
        if template is None:
            raise _refuse_names(listing, guess)
        mapping = map_files(template, listing)
        said = (
            f"the names of the files are read as {mapping.template} ({mapping.described}); if that is wrong, give "
            "pattern=...",
        )
    else:
        mapping = map_files(template, listing)
    missing = check_missing(mapping, listing, fill=options.fill_missing)
    source = open_mapped(mapping, listing, options, (*said, *missing))
    return describe_run(source, mapping, listing, options)


def _refuse_names(listing: Listing, guess: Guess | None) -> SourceError:
    """Return the error for names that do not say enough."""
    if guess is not None and any(not field.is_axis for field in guess.template.fields):
        map_files(guess.template, listing)  # raises the error about several sites
    return ask_for_pattern(listing, guess)


def _named(guess: Guess, axes: str | None) -> Template | None:
    """Return the pattern that a guess is, if nothing is left to ask.

    A number that no letter names is of the axis that the user's axes have in its place.
    """
    if not guess.unnamed:
        return guess.template if guess.template.fields else None
    parts = enumerate(guess.template.parts)
    fields = {i: part.name for i, part in parts if isinstance(part, Field) and (part.name or i in guess.unnamed)}
    letters = dict(zip(fields, axes or "", strict=False))
    agree = all(name in ("", letters.get(i)) for i, name in fields.items())
    if axes is None or len(axes) < len(fields) + 2 or not agree or set(letters.values()) & {"y", "x"}:
        return None
    return guess.with_names([letters[index] for index in guess.unnamed])
