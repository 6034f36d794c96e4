"""The table of schemes."""

from __future__ import annotations

from collections.abc import Mapping

from pyramid.stores.azure import AZURE
from pyramid.stores.fsspec_objects import OTHER, is_known
from pyramid.stores.google import GOOGLE
from pyramid.stores.local import LOCAL
from pyramid.stores.memory import MEMORY
from pyramid.stores.s3 import S3
from pyramid.stores.scheme import Scheme
from pyramid.stores.web import HTTP, HTTPS

ROWS = (LOCAL, S3, GOOGLE, AZURE, HTTP, HTTPS, MEMORY)
SCHEMES: Mapping[str, Scheme] = {name: row for row in ROWS for name in (row.name, *row.aliases)}


def scheme_of(name: str) -> Scheme | None:
    """The row of a scheme by one of its names, fsspec's for those that it knows and we do not; else None."""
    return SCHEMES.get(name) or (OTHER if is_known(name) else None)
