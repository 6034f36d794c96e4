"""Reducers: methods that make one pixel of the next level from each window.

Each method has a file of its own. Importing this package does not import numba: `load_method` imports the module of the
requested method.
"""

from pyramid.reduce.base import Method, NeighbourhoodMethod, load_method, margins_of
from pyramid.reduce.nodata import leave_out

__all__ = ["Method", "NeighbourhoodMethod", "leave_out", "load_method", "margins_of"]
