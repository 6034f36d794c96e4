"""Images opened from OME-Zarr: metadata is read at once, pixels when asked for."""

from pyramid.image.image import Collection, Image
from pyramid.image.level import ImageLevel
from pyramid.image.opening import info, open, read_image
from pyramid.image.previews import preview

__all__ = ["Collection", "Image", "ImageLevel", "info", "open", "preview", "read_image"]
