"""Multiscale OME-Zarr pyramids from TIFF files and arrays."""
