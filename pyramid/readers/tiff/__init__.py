"""TIFF files of all kinds, through tifffile's pages and imagecodecs' decoders."""

from pyramid.readers.tiff.opener import open_tiff

__all__ = ["open_tiff"]
