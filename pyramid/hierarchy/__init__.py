"""Zarr groups and arrays, read and written by their documents and keys.

No Zarr library is called, and no pixel is read.
"""
