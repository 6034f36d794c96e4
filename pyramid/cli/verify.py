"""``pyramid verify``: whether the pixels of an OME-Zarr are right."""

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
from pyramid.cli.words import as_flags

# Exit status where the thing that was checked is bad.
BAD = 1


@click.command(cls=SentenceCommand)
@click.argument("url")
@click.option("--source", metavar="SOURCE", help="Compare level 0 with the image that it was made of.")
@click.option(
    "--repair", is_flag=True, help="Write bad objects anew: level 0 from SOURCE, others from the level below."
)
@click.option("--sample", metavar="SHARE", help="Look at this share of the blocks only, as 1%.")
@click.option("--manifest", metavar="FILE", help="Hold keys, sizes and digests against this manifest.")
@click.option("--axes", metavar="czyx", help="Order of SOURCE's axes, letters of tczyx.")
@click.option("--series", metavar="N", help="Which image of a SOURCE that holds several.")
@click.option("--memory", metavar="2GiB", help="Memory for all workers together; else a quarter of what is free.")
@click.option("--workers", metavar="N", help="Threads, else one a core.")
@storage_flags
@click.option("--source-storage-options", metavar="JSON", help="Options of SOURCE's store only.")
@json_flag
@progress_flag
@quiet_flag
@verbose_flag
def verify(url: str, as_json: bool, quiet: bool, **rest: Any) -> None:
    """Verify that the pixels of the OME-Zarr at URL are right.

    Every chunk is decoded, and every level is compared with the level below. The exit status is 0 if all is right, 1 if
    something is bad, and 3 if URL cannot be read. Nothing is written without --repair.
    """
    verbose, no_progress = rest.pop("verbose"), rest.pop("no_progress")
    with exit_on_error(verbose=verbose, quiet=quiet, as_json=as_json):
        storage_options = storage_values(rest)
        from pyramid import verifying  # noqa: PLC0415  (numpy and more: not for --help)

        options = {name: value for name, value in rest.items() if value is not None}
        progress = not (quiet or no_progress)
        done = verifying.verify(url, storage_options=storage_options, progress=progress, **options)
        if as_json:
            click.echo(json.dumps(done.to_dict(), indent=2))
        elif not quiet:
            click.echo(as_flags(str(done)))
    if not done.ok:
        raise SystemExit(BAD)
