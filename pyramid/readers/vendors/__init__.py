"""Files of microscopes' vendors: one row of a table for each format.

A format has a function that finds the images of a file. Each is a `StoredImage`; all else, the choice of an image, its
axes, its description and its source, is the same for all of them.
"""

from pyramid.readers.vendors.opener import open_vendor

__all__ = ["open_vendor"]
