"""Turn any exception while writing a target into TargetError, with the place."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from pyramid.errors import PyramidError, StorageError, TargetError
from pyramid.stores import locate


@contextmanager
def wrap_errors(url: str, place: str, action: str = "written") -> Iterator[None]:
    """Raise TargetError for any exception that is raised within.

    Errors of this package for users pass unchanged, except for StorageError.

    Parameters
    ----------
    url
        URL or path of the target.
    place
        Part of the target, as ``"object 0/c/1/2"``.
    action
        Participle that completes "cannot be", as ``"written"``.
    """
    try:
        yield
    except StorageError as error:
        kind = TargetError if locate(url).is_local else StorageError
        remedy = "" if "; " in str(error) else f"; {kind.remedy}"
        raise TargetError(f"{locate(url)}: {place} cannot be {action}: {error}{remedy}") from error
    except PyramidError:
        raise
    except Exception as error:
        cause = f"{error}" or type(error).__name__
        if isinstance(error, FileNotFoundError):
            cause = "its folder is gone: another program removed or renamed it; convert again"
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            cause = f"{cause}; make room on that disk, or give a target on another"
        raise TargetError(f"{locate(url)}: {place} cannot be {action}: {cause}") from error
