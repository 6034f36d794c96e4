"""Names of a batch: by a stated rule, below the folder, and no two the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyramid.batch.items import BatchItem, Request, check_name, derive_name, make_items
from pyramid.errors import OptionError
from pyramid.options.convert import Options


def items(*requests: Request, folder: str = "/out/") -> tuple[BatchItem, ...]:
    return make_items(requests, folder, [Options()] * len(requests))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("cells.tif", "cells.ome.zarr"),
        ("/data/cells.ome.tiff", "cells.ome.zarr"),
        ("cells.v2.ome.btf", "cells.v2.ome.zarr"),
        ("s3://bucket/plate.zarr/A/1/0/", "0.ome.zarr"),
        ("https://host/a/cells.tif?X-Amz=1", "cells.ome.zarr"),
        ("http://[::1]:9000/cells.tif", "cells.ome.zarr"),
        ("cells.companion.ome", "cells.ome.zarr"),
        ("cells.ome.zarr", "cells.ome.zarr"),
        ("a.h5::/s0/0", "a_s0_0.ome.zarr"),
        (".hidden", ".hidden.ome.zarr"),
    ],
)
def test_the_name_is_that_of_the_source(source: str, name: str) -> None:
    assert derive_name(source) == name


@pytest.mark.parametrize(
    "name",
    ["../a", "a/../../b", "/a", "~/a", "a//b", "a/./b", "", "a\\b", "C:/a", "s3://b/a", "a\nb", "..", "a/..", "a/"],
)
def test_a_name_never_leaves_the_folder(name: str) -> None:
    with pytest.raises(OptionError, match="; "):
        check_name(name)


@given(st.text(st.sampled_from("ab./~\\:é "), min_size=1, max_size=12))
def test_whatever_is_accepted_is_below_the_folder(name: str) -> None:
    import os

    try:
        checked = check_name(name)
    except OptionError:
        return
    path = os.path.normpath(os.path.join("/folder", checked))
    assert path.startswith("/folder/")
    assert path.endswith(".zarr")


def test_two_that_collide_are_refused_and_both_are_named() -> None:
    with pytest.raises(OptionError, match=r"a/x\.tif and b/x\.ome\.tif would both be x\.ome\.zarr"):
        items(Request("a/x.tif", "x.ome.zarr"), Request("b/x.ome.tif", "x.ome.zarr"))
    with pytest.raises(OptionError, match=r"x\.tif \(l\.csv:3\) is given twice"):
        items(Request("x.tif", "x.ome.zarr"), Request("./x.tif", "x.ome.zarr", "l.csv:3"))
    with pytest.raises(OptionError, match=r"would be a\.zarr, and .* within it"):
        items(Request("x.tif", "a.zarr"), Request("y.tif", "a.zarr/b.zarr"))
    with pytest.raises(OptionError, match="would both be"):  # one name in two spellings of Unicode
        items(Request("x.tif", "\u00e4.zarr"), Request("y.tif", "a\u0308.zarr"))


def test_targets_are_in_the_folder_and_one_source_may_have_two() -> None:
    made = items(Request("x.tif", "a.zarr"), Request("x.tif", "sub/b.zarr"))
    assert [item.target for item in made] == ["/out/a.zarr", "/out/sub/b.zarr"]
    assert items(Request("x.tif", "a.zarr"), folder="s3://bucket/p")[0].target == "s3://bucket/p/a.zarr"
