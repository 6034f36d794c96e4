"""All that a plug-in implements or uses: a reader, or a downsampling method.

``docs/extending.md`` has a complete example of each. A reader is named by an entry point of the group
``pyramid.readers``, a method by one of ``pyramid.methods``. The tests in `pyramid.testing` check both.
"""

from pyramid.errors import OptionError, SeveralImagesError, SourceError
from pyramid.model import AXES, Box, Channel, Shape, Source, SourceSpec
from pyramid.options.convert import Options
from pyramid.readers import Opener
from pyramid.readers.recognition import recognized_by
from pyramid.reduce import Method, NeighbourhoodMethod
from pyramid.reduce.base import check as check_arguments

__all__ = [
    "AXES",
    "Box",
    "Channel",
    "Method",
    "NeighbourhoodMethod",
    "Opener",
    "OptionError",
    "Options",
    "SeveralImagesError",
    "Shape",
    "Source",
    "SourceError",
    "SourceSpec",
    "check_arguments",
    "recognized_by",
]
