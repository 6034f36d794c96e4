"""Zarr arrays of both formats, and OME-Zarr images by their largest level."""

from pyramid.readers.zarr.opener import open_zarr

__all__ = ["open_zarr"]
