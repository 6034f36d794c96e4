"""Channels as the address of a tile has them."""

from __future__ import annotations

import pytest

from pyramid.rendering.blend import ChannelStyle
from pyramid.viewing.answers import RequestError
from pyramid.viewing.styles import parse_styles


def test_gamma_and_inversion_may_be_left_out() -> None:
    assert parse_styles("1:ff0080:-1.5:1e300,0:00FF00:0:9:0.5:1", 2) == (
        (1, ChannelStyle("FF0080", (-1.5, 1e300))),
        (0, ChannelStyle("00FF00", (0, 9), 0.5, True)),
    )
    assert parse_styles("", 2) == ()


@pytest.mark.parametrize(
    "text",
    [
        *("2:FFFFFF:0:1", "-1:FFFFFF:0:1", "x:FFFFFF:0:1", "0:FFFFF:0:1", "0:FFFFFF:0", "0:FFFFFF:1:0", ",", "0"),
        *(
            "0:FFFFFF:0:inf",
            "0:FFFFFF:nan:1",
            "0:FFFFFF:0:1:99",
            "0:FFFFFF:0:1:0",
            "0:FFFFFF:0:1:1:0:0",
            "٣:FFFFFF:0:1",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(text: str) -> None:
    with pytest.raises(RequestError):
        parse_styles(text, 2)
