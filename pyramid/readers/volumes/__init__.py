"""Volumes of medicine and electron microscopy: NIfTI, NRRD and MRC."""

from pyramid.readers.volumes.opener import open_volume

__all__ = ["open_volume"]
