"""Reducers: how the pixels of a window become one pixel of the next level. One file a method.

Importing this package does not import numba: `load_method` imports the module of the method that is asked for.
"""

from pyramid.reduce.base import Method, downsample, load_method

__all__ = ["Method", "downsample", "load_method"]
