"""The table of schemes."""

from __future__ import annotations

from collections.abc import Mapping

from pyramid.stores.azure import AZURE
from pyramid.stores.google import GOOGLE
from pyramid.stores.local import LOCAL
from pyramid.stores.memory import MEMORY
from pyramid.stores.s3 import S3
from pyramid.stores.scheme import Scheme
from pyramid.stores.web import HTTP, HTTPS

ROWS = (LOCAL, S3, GOOGLE, AZURE, HTTP, HTTPS, MEMORY)
SCHEMES: Mapping[str, Scheme] = {name: row for row in ROWS for name in (row.name, *row.aliases)}
