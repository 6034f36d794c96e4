"""``pyramid pack`` and ``pyramid unpack``: an OME-Zarr as one file, and back."""

from __future__ import annotations

import json
from typing import Any

import click

from pyramid.cli.failures import exit_on_error
from pyramid.cli.flags import json_flag, progress_flag, quiet_flag, storage_flags, storage_values, verbose_flag
from pyramid.cli.usage import SentenceCommand


@click.command(cls=SentenceCommand)
@click.argument("source", metavar="DIR")
@click.argument("archive", metavar="F.ozx")
@click.option("--overwrite", is_flag=True, help="Replace F.ozx, once the new one is whole.")
@storage_flags
@json_flag
@progress_flag
@quiet_flag
@verbose_flag
def pack(source: str, archive: str, overwrite: bool, as_json: bool, quiet: bool, **rest: Any) -> None:
    """Pack the OME-Zarr at DIR as one zipped file, F.ozx.

    Either may be a path or a URL. The file is as RFC-9 describes it, and all other commands read it in place.
    """
    verbose, progress = rest.pop("verbose"), not (quiet or rest.pop("no_progress"))
    with exit_on_error(verbose=verbose, quiet=quiet, as_json=as_json):
        storage_options = storage_values(rest)
        from pyramid import packing  # noqa: PLC0415  (obstore: not for --help)

        done = packing.pack(source, archive, overwrite=overwrite, storage_options=storage_options, progress=progress)
        _print(done, as_json=as_json, quiet=quiet)


@click.command(cls=SentenceCommand)
@click.argument("archive", metavar="F.ozx")
@click.argument("folder", metavar="DIR")
@storage_flags
@json_flag
@progress_flag
@quiet_flag
@verbose_flag
def unpack(archive: str, folder: str, as_json: bool, quiet: bool, **rest: Any) -> None:
    """Unpack the zipped OME-Zarr F.ozx to the folder DIR.

    F.ozx may be a path or a URL, and all bytes stay as they are. DIR gets its name when all files are whole and as
    their CRC-32 says.
    """
    verbose, progress = rest.pop("verbose"), not (quiet or rest.pop("no_progress"))
    with exit_on_error(verbose=verbose, quiet=quiet, as_json=as_json):
        storage_options = storage_values(rest)
        from pyramid import packing  # noqa: PLC0415  (obstore: not for --help)

        done = packing.unpack(archive, folder, storage_options=storage_options, progress=progress)
        _print(done, as_json=as_json, quiet=quiet)


def _print(done: Any, *, as_json: bool, quiet: bool) -> None:  # noqa: ANN401  (a result; its import is not for --help)
    if as_json:
        click.echo(json.dumps(done.to_dict(), indent=2))
    elif not quiet:
        click.echo(str(done))
