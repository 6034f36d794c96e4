"""A program that uses the public functions, as a type checker sees it from outside.

mypy reports an ignored error that is no error, so what is wrong here must stay wrong.
"""

from typing import assert_type

import numpy as np

import pyramid


def use_the_public_functions() -> None:
    image = pyramid.convert(np.ones((4, 64, 64), "uint16"), "a.ome.zarr", axes="zyx", chunks={"y": 32}, method="max")
    assert_type(image, pyramid.Image)
    assert_type(image.axes, str)
    assert_type(pyramid.convert(["a.tif", "b.tif"], "folder"), pyramid.BatchReport)
    assert_type(pyramid.plan("a.tif", levels=3), pyramid.Plan)
    found = pyramid.validate("a.ome.zarr", strict=True)
    assert_type(found, pyramid.Validation)
    assert_type(found.valid, bool)
    assert_type(pyramid.verify("a.ome.zarr").ok, bool)
    pyramid.convert("a.tif", "b.ome.zarr", method=3)  # type: ignore[call-overload]  # a method is a name
    pyramid.convert("a.tif", "b.ome.zarr", chunkz="auto")  # type: ignore[call-overload]  # there is no such option
    image.no_such_name  # type: ignore[attr-defined]  # noqa: B018
    found.valid = False  # type: ignore[misc]  # it is fixed
