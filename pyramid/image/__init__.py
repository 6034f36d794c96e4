"""An OME-Zarr, opened: its metadata read, its pixels left where they are until asked for."""

from pyramid.image.image import Collection, Image
from pyramid.image.level import Level
from pyramid.image.opening import info, open

__all__ = ["Collection", "Image", "Level", "info", "open"]
