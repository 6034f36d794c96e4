"""Mark of a hierarchy that a conversion or a download has not finished."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from pyramid.errors import SourceError, TargetError
from pyramid.hierarchy.nodes import Node

if sys.platform != "win32":
    import fcntl

# The folder of unfinished files and of the download's record: its presence shows that the download is unfinished.
DOWNLOAD = ".pyramid-download"
# The state in the attributes of a target's group until its metadata is committed.
IN_PROGRESS = "in progress"


def check_finished(node: Node) -> None:
    """Raise SourceError if a conversion is writing to a group, or was interrupted.

    Examples
    --------
    >>> check_finished(Node("", 3, {"pyramid": {"state": "in progress"}}, None, {}))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    pyramid.errors.SourceError: its conversion is not finished; wait for it, or go on with resume=True, or convert ...
    """
    if is_in_progress(node):
        raise SourceError(
            "its conversion is not finished; wait for it, or go on with resume=True, or convert again with "
            "overwrite=True"
        )


def is_in_progress(node: Node) -> bool:
    """Return whether a group says that its conversion is not finished."""
    run = node.attributes.get("pyramid")
    return isinstance(run, Mapping) and run.get("state") == IN_PROGRESS


def check_no_download(path: str) -> None:
    """Raise TargetError if a download is filling a folder.

    A file system without locks does not show that.
    """
    if sys.platform == "win32":
        return
    try:
        with open(os.path.join(path, DOWNLOAD, "lock"), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TargetError(f"{path} is being filled by a download; wait until it ends, or give another target") from None
    except OSError:  # no lock file, or a file system without locks
        return
