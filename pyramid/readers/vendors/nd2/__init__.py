"""ND2 of Nikon: the library nd2 reads its metadata, and this package its frames.

The frames that older versions stored as JPEG 2000 are read by the library too.
"""

from pyramid.readers.vendors.nd2.images import find_images

__all__ = ["find_images"]
