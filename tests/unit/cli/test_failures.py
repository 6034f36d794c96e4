"""Errors on their way from another process, and sentences for what nobody foresaw."""

from __future__ import annotations

import pickle

import pytest

from pyramid.engine.failure import Failure
from pyramid.errors import (
    DamageError,
    OptionError,
    PyramidError,
    SourceError,
    StoppedError,
    StorageError,
    TargetError,
    explaining,
)
from tests.support.odd_source import OddError, PanicError


class PluginError(SourceError):
    """An error of a plug-in, which another process need not have."""

    def __init__(self, file: str, *, page: int) -> None:
        super().__init__(f"{file}: page {page} is damaged")


def caused(error: PyramidError) -> PyramidError:
    try:
        raise error from OddError(3, strip=4)
    except PyramidError as raised:
        raised.add_note("a note")
        return raised


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (PluginError("a.tif", page=3), SourceError),
        (TargetError("level 0 cannot be written"), TargetError),
        (TargetError(28, "No space left on device"), TargetError),
        (OptionError("memory: too small"), OptionError),
        (StoppedError("the run was stopped"), StoppedError),
        (StorageError("GET a: 403", True, 403), StorageError),
        (DamageError("PUT a arrived damaged"), DamageError),
    ],
)
def test_an_error_pickles_in_the_same_words_whatever_it_is_and_its_cause(
    error: PyramidError, kind: type[PyramidError]
) -> None:
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(Failure(caused(error)))))).error
    assert type(again) is kind
    assert str(again) == str(error)
    assert again.exit_status == error.exit_status
    assert again.__notes__ == ["a note"]
    assert "OddError: code 3 in strip 4" in str(again.__cause__)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (KeyError("strip"), SourceError, "a.tif: KeyError: 'strip'"),
        (ValueError("two\nlines"), SourceError, "a.tif: ValueError: two lines"),
        (ValueError(), SourceError, "a.tif: ValueError"),
        (PanicError("index out of bounds"), SourceError, "a.tif: PanicError: index out of bounds"),
        (RecursionError("maximum recursion depth exceeded"), SourceError, "a.tif: the data is nested too deeply"),
        (MemoryError(), StoppedError, "a.tif: out of memory; give a smaller memory=..."),
        (TargetError("of its own"), TargetError, "of its own"),
    ],
)
def test_what_nobody_foresaw_is_a_sentence(error: BaseException, kind: type[PyramidError], text: str) -> None:
    with pytest.raises(kind) as caught, explaining(SourceError, "a.tif"):
        raise error
    assert str(caught.value).startswith(text)
    assert "\n" not in str(caught.value)


def test_a_text_without_end_is_cut() -> None:
    with pytest.raises(SourceError) as caught, explaining(SourceError, "a.tif"):
        raise ValueError("x" * 10**6)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_a_process_is_no_failure(ending: type[BaseException]) -> None:
    with pytest.raises(ending), explaining(SourceError, "a.tif"):
        raise ending
