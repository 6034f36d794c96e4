"""``pyramid download``: an OME-Zarr on local disk."""

from __future__ import annotations

import json
from typing import Any

import click

from pyramid.cli.failures import exit_on_error
from pyramid.cli.flags import (
    json_flag,
    progress_flag,
    quiet_flag,
    storage_flags,
    storage_values,
    verbose_flag,
)
from pyramid.cli.usage import SentenceCommand


@click.command(cls=SentenceCommand)
@click.argument("url")
@click.argument("folder", metavar="DIR")
@click.option("--levels", metavar="SLICE", help="Copy only these levels of each image, as 2, 2: or 1:3.")
@click.option("--manifest", metavar="FILE", help="Hold the copy against this manifest; exit status 1 if it differs.")
@click.option("--overwrite", is_flag=True, help="Replace the Zarr in DIR.")
@click.option("--workers", metavar="N", help="Requests at a time. [default: 16].")
@click.option("--max-objects", metavar="N", help="How many chunks or shards there may be. [default: 10000000].")
@storage_flags
@json_flag
@progress_flag
@quiet_flag
@verbose_flag
def download(url: str, folder: str, as_json: bool, quiet: bool, **rest: Any) -> None:
    """Copy the OME-Zarr at URL to the folder DIR, byte for byte.

    A chunk that is missing at URL is missing in DIR too. No listing is needed, so URL may be plain http://. Run the
    same command again to continue a download that stopped.
    """
    verbose, no_progress = rest.pop("verbose"), rest.pop("no_progress")
    with exit_on_error(verbose=verbose, quiet=quiet, as_json=as_json):
        storage_options = storage_values(rest)
        from pyramid import downloading  # noqa: PLC0415  (obstore: not for --help)

        options = {name: value for name, value in rest.items() if value is not None}
        progress = not (quiet or no_progress)
        done = downloading.download(url, folder, storage_options=storage_options, progress=progress, **options)
        if as_json:
            click.echo(json.dumps(done.to_dict(), indent=2))
        elif not quiet:
            click.echo(str(done))
        if done.differences:
            raise SystemExit(1)
