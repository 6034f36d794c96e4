"""Turn whatever goes wrong with a target into TargetError, with the place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyramid.errors import PyramidError, StorageError, TargetError
from pyramid.stores import locate


@contextmanager
def wrap_errors(url: str, place: str, action: str = "written") -> Iterator[None]:
    """Raise TargetError for whatever is raised within, unless it is an error of this package for users.

    Parameters
    ----------
    url
        The target.
    place
        Part of it, as ``"object 0/c/1/2"``.
    action
        Completes "cannot be".
    """
    try:
        yield
    except StorageError as error:
        raise TargetError(f"{locate(url)}: {place} cannot be {action}: {error}") from error
    except PyramidError:
        raise
    except Exception as error:
        cause = f"{error}" or type(error).__name__
        raise TargetError(f"{locate(url)}: {place} cannot be {action}: {cause}") from error
