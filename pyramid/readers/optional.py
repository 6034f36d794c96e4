"""Libraries that only some kinds of sources need, each in an extra of the package."""

from __future__ import annotations

import importlib
from typing import Any

from pyramid.errors import SourceError


def load_optional(module: str, extra: str, why: str) -> Any:  # noqa: ANN401  (a module)
    """Import a library; raise SourceError with the command that installs it.

    Parameters
    ----------
    module
        Name of the module.
    extra
        The extra of the package that brings it.
    why
        The beginning of the error: which file needs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] == module.partition(".")[0]:
            raise SourceError(
                f"{why}, and {module} is needed to read it; install it with pip install 'ome-pyramid[{extra}]'"
            ) from error
        raise SourceError(f"{why}, and {module} cannot be imported: {error}; install it again") from error
