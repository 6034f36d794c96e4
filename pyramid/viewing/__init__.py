"""`view`: a web server that shows OME-Zarr in a browser, with no network."""

from pyramid.viewing.viewer import Viewer, view

__all__ = ["Viewer", "view"]
