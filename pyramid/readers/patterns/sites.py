"""The sites of listed TIFFs: each an image of its own, as the fields of a plate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyramid.errors import OptionError, SourceError
from pyramid.readers.patterns.listing import list_files
from pyramid.readers.patterns.mapping import join_literals, match_names
from pyramid.readers.patterns.site_files import SiteFiles
from pyramid.readers.patterns.template import Template, parse_template
from pyramid.tables import format_count

if TYPE_CHECKING:
    from pyramid.options.convert import Options

MAX_LISTED = 3  # names that a message has


@dataclass(frozen=True, slots=True)
class Site:
    """A site, by the texts of its fields in the names of its files."""

    texts: Mapping[str, str]
    files: SiteFiles


def find_sites(source: str, options: Options) -> tuple[list[Site], list[str]]:
    """List TIFFs, and return their sites by a pattern, and notices.

    Parameters
    ----------
    source
        A folder, a glob, or a URL.
    options
        Of which the pattern is used.

    Raises
    ------
    SourceError
        If no file matches the pattern.
    OptionError
        If the pattern is not valid.
    """
    try:
        template = parse_template(options.pattern or "")
    except OptionError as error:
        raise OptionError(f"pattern: {error}") from None
    listing = list_files(source, options, template.depth)
    if not listing.entries:
        raise SourceError(f"{listing.given} holds no TIFF; check the address, and the folders of the pattern")
    matched = match_names(template, listing)
    fields = [field for field in template.fields if not field.is_axis]
    columns = [template.first_index(field) for field in fields]
    names: dict[tuple[str, ...], list[str]] = {}
    for name, group in zip(matched.names, matched.groups, strict=True):
        names.setdefault(tuple(group[column] for column in columns), []).append(name)
    entries = {entry.name: entry for entry in listing.entries}
    sites = []
    for texts, own in names.items():
        text_of = dict(zip(fields, texts, strict=True))
        parts = [text_of.get(part, part) if not isinstance(part, str) else part for part in template.parts]
        files = SiteFiles(listing.of([entries[name] for name in own]), Template(join_literals(parts)))
        sites.append(Site({field.name: text for field, text in text_of.items()}, files))
    return sites, list(_left_out(matched.unmatched, template))


def _left_out(unmatched: list[str], template: Template) -> list[str]:
    if not unmatched:
        return []
    named = ", ".join(sorted(unmatched)[:MAX_LISTED])
    return [f"{format_count(len(unmatched), 'TIFF')} left out, not named as the pattern {template}: {named}"]
