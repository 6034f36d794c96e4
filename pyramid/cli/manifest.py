"""``pyramid manifest``: keys, sizes and digests of a store."""

from __future__ import annotations

import sys
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
@click.option(
    "--form", metavar="sha256|md5|dandi", help="Digest of each object, or dandi: one of the store. [default: sha256]."
)
@click.option("-o", "--output", metavar="FILE", help="Write the manifest to FILE, outside of the store.")
@click.option("--workers", metavar="N", help="Objects read at a time. [default: one a core; 16 of a remote store].")
@click.option("--max-objects", metavar="N", help="How many objects to ask for over plain HTTP. [default: 10000000].")
@storage_flags
@json_flag
@progress_flag
@quiet_flag
@verbose_flag
def manifest(url: str, as_json: bool, quiet: bool, **rest: Any) -> None:
    """Print key, size and digest of each object at URL.

    URL is a path or URL of a store. sha256sum -c and md5sum -c read the result; pyramid download --manifest holds a
    copy against it.
    """
    verbose, no_progress = rest.pop("verbose"), rest.pop("no_progress")
    with exit_on_error(verbose=verbose, quiet=quiet, as_json=as_json):
        storage_options = storage_values(rest)
        from pyramid import inventory  # noqa: PLC0415  (obstore: not for --help)
        from pyramid.stores import locate  # noqa: PLC0415

        if rest["output"] is None:
            inventory.check_stdout(locate(url))
        options = {name: value for name, value in rest.items() if value is not None}
        progress = not (quiet or no_progress)
        made = inventory.manifest(url, storage_options=storage_options, progress=progress, **options)
        if as_json or made.output is None:
            sys.stdout.flush()
            if as_json:
                made.copy_json_to(sys.stdout.buffer)
            else:
                made.copy_to(sys.stdout.buffer)
            sys.stdout.buffer.flush()
        elif not quiet:
            click.echo(f"{made.output}: {made.summary()}")
