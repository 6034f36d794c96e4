"""Conversions with `resume` to a target that is finished."""

from __future__ import annotations

import glob
import os

from pyramid.errors import OptionError
from pyramid.feedback.notices import give_notices
from pyramid.options.convert import Options


def has_nothing_left(source: object, target: str, options: Options) -> bool:
    """Return whether a run that is to go on has ended before, and say so.

    A manifest that it is to have is made from what is there.
    """
    from pyramid.engine.resuming import is_finished  # noqa: PLC0415  (NumPy: not at the import of the package)
    from pyramid.stores import open_objects  # noqa: PLC0415
    from pyramid.writing.journal import remove_journal  # noqa: PLC0415

    if options.overwrite:
        raise OptionError("overwrite: resume=True goes on with what is there, and overwrite=True removes it; give one")
    if not is_finished(target, options.target_storage_options):
        return False
    remove_journal(open_objects(target, options.target_storage_options))  # of a run that was killed after its commit
    give_notices((f"{target} is finished: nothing is left to do",), target)
    note_other_source(source, target, options)
    if options.manifest is not None:
        from pyramid.engine.preparation import check_manifest  # noqa: PLC0415  (only for a manifest)
        from pyramid.inventory import manifest  # noqa: PLC0415

        check_manifest(options, source, target)
        manifest(target, output=options.manifest, storage_options=options.target_storage_options)
    return True


def note_other_source(source: object, target: str, options: Options) -> None:
    """Give a notice if a finished target was made from another file."""
    from pyramid.engine.resuming import made_from  # noqa: PLC0415  (as above)
    from pyramid.ngff import last_name  # noqa: PLC0415

    if not isinstance(source, str | os.PathLike) or options.pattern is not None or os.path.isdir(source):
        return  # a folder and a pattern are named by one of their files
    if "::" in os.fspath(source) or os.fspath(source).lower().startswith("file:"):
        return  # it is named otherwise in the target
    given, known = last_name(os.fspath(source)), made_from(target, options.target_storage_options)
    if known is not None and known != given and not glob.has_magic(given):
        give_notices(
            (f"{target} was made from {known!r}, and the source is {given!r}; give another target, or overwrite=True",),
            target,
        )
