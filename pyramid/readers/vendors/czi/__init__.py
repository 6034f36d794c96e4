"""CZI of Zeiss: segments, of which each holds a tile, a list of tiles, or XML.

The layout is that of the format's public description (ZISRAW). Tiles that are not compressed are read by rows;
imagecodecs decodes the others.
"""

from pyramid.readers.vendors.czi.images import find_images

__all__ = ["find_images"]
