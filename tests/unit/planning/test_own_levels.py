"""Which levels of a source fit: whole factors, with what is left over dropped or not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyramid.model import SourceSpec
from pyramid.options.convert import Options
from pyramid.planning.own_levels import MAX_FACTOR, fitting_levels


def spec(*shape: int, dtype: str = "uint8") -> SourceSpec:
    return SourceSpec("zyx", shape, dtype, (1, 1, 1), (None,) * 3, (None,) * 3)


REUSE = Options(level_source="reuse")


def is_whole(before: int, after: int) -> bool:
    """Whether some whole factor makes one extent of the other, by trying all."""
    return any(after in (before // f, -(-before // f)) for f in range(1, min(before, MAX_FACTOR) + 1))


@given(st.tuples(*[st.integers(1, 60)] * 3), st.tuples(*[st.integers(1, 60)] * 3))
def test_a_level_fits_if_whole_factors_make_it(before: tuple[int, ...], after: tuple[int, ...]) -> None:
    taken, notices = fitting_levels(spec(*before), [spec(*after)], REUSE)
    smaller = before != after and all(m <= n for n, m in zip(before, after, strict=True))
    expected = smaller and all(is_whole(n, m) for n, m in zip(before, after, strict=True))
    assert bool(taken) == expected
    assert len(notices) == 1
    for level in taken:
        for n, m, factor in zip(before, after, level.factors, strict=True):
            assert m in (n // factor, -(-n // factor))


@given(st.lists(st.integers(2, 4), min_size=1, max_size=5), st.booleans())
def test_a_chain_of_levels_fits_however_it_was_rounded(factors: list[int], up: bool) -> None:
    shapes = [(5000, 7001)]
    for factor in factors:
        y, x = shapes[-1]
        shapes.append((-(-y // factor), -(-x // factor)) if up else (y // factor, x // factor))
    taken, _ = fitting_levels(spec(1, *shapes[0]), [spec(1, *shape) for shape in shapes[1:]], REUSE)
    assert [level.factors[1:] for level in taken] == [(factor, factor) for factor in factors]


def test_levels_of_another_type_are_left_out() -> None:
    taken, (notice,) = fitting_levels(spec(1, 64, 64), [spec(1, 32, 32, dtype="uint16")], REUSE)
    assert taken == []
    assert "1 (1 x 32 x 32 uint16)" in notice


def test_none_is_copied_unless_it_is_asked_for() -> None:
    assert fitting_levels(spec(1, 64, 64), [spec(1, 32, 32)], Options()) == ([], [])


def test_an_extent_that_lies_does_not_take_long() -> None:
    taken, _ = fitting_levels(spec(1, 2**31 - 1, 2**31 - 1), [spec(1, 1, 1)], REUSE)
    assert taken == []
