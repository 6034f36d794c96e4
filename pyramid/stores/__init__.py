"""Access to the objects at a path or URL; the only package that knows schemes.

A scheme is one file here and one row of `pyramid.stores.schemes`. All schemes give `Objects`, plain objects by key, and
Zarr reads and writes through those. Requests are repeated here if that may help, and counted. Error messages contain
nothing secret. Objects pickle as a URL and the options that are not secret. Each process opens its own store, once for
each URL.
"""

from pyramid.stores.folders import missing_folder
from pyramid.stores.location import Location, locate, path_or_url
from pyramid.stores.objects import Objects
from pyramid.stores.opening import check_travels, open_file, open_objects, open_parts, open_source_store, public_options
from pyramid.stores.readable import Readable
from pyramid.stores.redact import without_secrets
from pyramid.stores.retry import counting_retries
from pyramid.stores.sides import share_storage_options

__all__ = [
    "Location",
    "Objects",
    "Readable",
    "check_travels",
    "counting_retries",
    "locate",
    "missing_folder",
    "open_file",
    "open_objects",
    "open_parts",
    "open_source_store",
    "path_or_url",
    "public_options",
    "share_storage_options",
    "without_secrets",
]
