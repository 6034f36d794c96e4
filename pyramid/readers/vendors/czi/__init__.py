"""CZI of Zeiss: segments, of which each holds a tile, a list of tiles, or XML.

The layout is that of the format's public description (ZISRAW). Tiles that are not compressed are read by rows;
imagecodecs decodes the others. A CZI may be in several files.
"""

from pyramid.readers.vendors.czi.images import find_images
from pyramid.readers.vendors.czi.parts import find_files

__all__ = ["find_files", "find_images"]
