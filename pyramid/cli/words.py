"""Options in messages: as flags on the command line, as keywords in Python.

The package names an option in the words of Python: ``overwrite=True``, ``axes="czyx"``, and ``scale=...`` where the
value is for the user to choose. A command shows them as flags. What is in JSON keeps the names of Python and YAML.
"""

from __future__ import annotations

import re
import shlex

from pyramid.options.convert import option_specs
from pyramid.options.spec import flag

QUOTE = '"'
# Options of commands that are not options of a conversion.
OTHER_NAMES = (
    *(
        "all",
        "attributes",
        "chunks_report",
        "config",
        "dry_run",
        "each",
        "exit_zero",
        "form",
        "max_objects",
        "metadata_only",
        "output",
        "remove_label",
    ),
    *("legend", "montage", "projection", "scale_bar", "size", "cors", "diff", "host", "no_browser", "port"),
    *("rebuild", "repair", "sample", "source", "strict", "to", "token", "translation", "windows"),
)
_NAMES = (*option_specs(), *(key for spec in option_specs().values() for key, _ in spec.split), *OTHER_NAMES)
_NAME = "|".join(sorted(_NAMES, key=len, reverse=True))
# Only a whole word, so that a part of a path or of a URL stays as it is. N is the number that a user chooses.
_KEYWORD = re.compile(rf'(?<![^\s(])({_NAME})=(\.\.\.|True|"[^"\n]*"|\d+|N)(?=[\s;,:)]|\.?$)')
_BEGINNING = re.compile(rf"^({_NAME})(?=: )")


def as_flags(text: str) -> str:
    """Return a message with options as flags.

    Examples
    --------
    >>> as_flags("cells.zarr exists; give another target, or overwrite=True to replace it")
    'cells.zarr exists; give another target, or --overwrite to replace it'
    >>> as_flags('memory: one block needs more; give memory="12MB", or codec_level=3, or scale_factors=...')
    '--memory: one block needs more; give --memory 12MB, or --codec-level 3, or --scale-factors'
    """
    return _KEYWORD.sub(_flag_and_value, _BEGINNING.sub(lambda found: flag(found[1]), text))


def _flag_and_value(found: re.Match[str]) -> str:
    name, value = found.groups()
    if value in ("True", "..."):
        return flag(name)
    return f"{flag(name)} {shlex.quote(value.strip(QUOTE))}"
