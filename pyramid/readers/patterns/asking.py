"""The question that is left where names do not say how many files are one image."""

from __future__ import annotations

import os
from pathlib import Path

from pyramid.errors import SourceError
from pyramid.readers.diagnosis import MAX_LISTED, sources_within
from pyramid.readers.loops import convert_each
from pyramid.readers.patterns.guessing import Guess
from pyramid.readers.patterns.listing import Listing
from pyramid.readers.patterns.values import natural_key
from pyramid.stores import locate
from pyramid.tables import format_list


def ask_for_pattern(listing: Listing, guess: Guess | None) -> SourceError:
    """Return the error that asks for a pattern, or for one of the files.

    Parameters
    ----------
    listing
        The files.
    guess
        The parts of the names; None if they are not made of the same parts.
    """
    names = sorted(listing.names, key=natural_key)
    is_local = locate(listing.base).is_local
    also = ""
    if is_local and not listing.glob and (zarrs := sources_within(Path(listing.base))):
        also = f", and the {'Zarr' if len(zarrs) == 1 else 'Zarrs'} {format_list(zarrs, MAX_LISTED)}"
    verb = "names" if listing.glob else "holds"
    if guess is None:
        why = "their names are not made of the same parts, so they are not taken for one image"
    elif not guess.unnamed:
        why = "their names do not differ in a part that is an axis"
    else:
        why = f'if they are one image, say of what, as pattern="{guess.offer}"'
    remedy = f"give one, as {os.path.join(listing.base, names[0])}"
    if is_local and not any("/" in name for name in names):
        each = convert_each(listing.base, [listing.glob] if listing.glob else names)
        remedy += f", or convert each: {each}" if listing.glob else f", or each=True for all of them, or: {each}"
    return SourceError(f"{listing.given} {verb} {format_list(names, MAX_LISTED)}{also}: {why}; else {remedy}")
