"""LIF of Leica: XML that describes images, then a block of bytes for each.

The layout is that of the format's public description. Pixels are not compressed; the XML gives the bytes from each to
the next on every dimension.
"""

from pyramid.readers.vendors.lif.images import find_images

__all__ = ["find_images"]
