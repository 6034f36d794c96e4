"""The nearest name is the one that was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyramid.errors import OptionError
from pyramid.options.convert import make_options, option_specs
from pyramid.options.nearest import nearest, unknown
from pyramid.stores.schemes import SCHEMES

OPTIONS = list(option_specs())


@pytest.mark.parametrize(
    ("value", "known", "meant"),
    [
        ("maen", ["mean", "mode", "median"], "mean"),
        ("Mean", ["mean", "mode"], "mean"),
        ("byt", ["auto", "byte", "bit", "none"], "byte"),
        ("lz4", ["blosc:lz4", "blosc:zstd", "zstd"], "blosc:lz4"),
        ("min-size", OPTIONS, "min_size"),
        ("storageOptions", OPTIONS, "storage_options"),
        ("chunk", OPTIONS, "chunks"),
        ("s4", SCHEMES, "s3"),
        ("htps", SCHEMES, "https"),
        ("zebra", OPTIONS, None),
        ("q", ["t", "c"], None),
        ("", OPTIONS, None),
        (None, OPTIONS, None),
        ("x" * 10**6, OPTIONS, None),
    ],
)
def test_the_nearest(value: object, known: list[str], meant: str | None) -> None:
    assert nearest(value, known) == meant


@given(st.sampled_from([name for name in OPTIONS if len(name) > 4]), st.data())
def test_one_slip_of_the_finger_is_seen_through(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 2))
    for slip in (
        name[:at] + name[at + 1 :],
        name[:at] + name[at + 1] + name[at] + name[at + 2 :],
        f"{name[:at]}q{name[at:]}",
    ):
        assert slip in OPTIONS or nearest(slip, [name, "zzzzzz"]) == name


@given(st.text(), st.lists(st.text()))
def test_whatever_is_written_has_an_answer_of_one_line(value: str, known: list[str]) -> None:
    assert nearest(value, known) in {None, *known}
    assert "\n" not in unknown("name", value, ["mean"])


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"voxel_size": "x=1"}, "unknown option 'voxel_size'; did you mean 'scale'?"),
        ({"endpoint_url": "http://h"}, "did you mean storage_options: {endpoint_url: …}?"),
        ({"source_anon": True}, "did you mean source_storage_options: {anon: …}?"),
        ({"method": "maen"}, "method: unknown method 'maen'; did you mean 'mean'?"),
    ],
)
def test_options_are_answered_with_what_was_meant(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(OptionError) as caught:
        make_options(given)
    assert str(caught.value).endswith(sentence)
