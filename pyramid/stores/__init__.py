"""From a path or URL to what lies there: the only place that knows schemes.

A scheme is one file here and one row of `pyramid.stores.schemes`; all give `Objects`, plain objects by key, and Zarr
reads and writes through those. Requests are made again here where that may help, counted, and their failures told
without anything secret. What pickles is a URL and the options that are no secret: each process opens its own store,
once a URL.
"""

from pyramid.stores.location import Location, locate
from pyramid.stores.objects import Objects
from pyramid.stores.opening import check_travels, open_objects, open_parts, open_source_store, public_options
from pyramid.stores.readable import Readable
from pyramid.stores.retry import counting_retries

__all__ = [
    "Location",
    "Objects",
    "Readable",
    "check_travels",
    "counting_retries",
    "locate",
    "open_objects",
    "open_parts",
    "open_source_store",
    "public_options",
]
