"""Zarr groups and arrays by their documents and keys; no library is asked and no pixel is read."""
