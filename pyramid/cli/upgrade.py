"""``pyramid upgrade``: a later version of OME-Zarr by metadata only."""

from __future__ import annotations

import json
from typing import Any

import click

from pyramid.cli.edit import dry_run_flag
from pyramid.cli.failures import exit_on_error
from pyramid.cli.flags import json_flag, quiet_flag, storage_flags, storage_values, verbose_flag
from pyramid.cli.usage import SentenceCommand


@click.command(cls=SentenceCommand)
@click.argument("url")
@click.option("--to", metavar="0.4|0.5|0.6", default="0.5", help="The version. [default: 0.5].")
@click.option("-o", "--output", metavar="NEW", help="Upgrade a copy in the folder NEW.")
@dry_run_flag
@storage_flags
@json_flag
@quiet_flag
@verbose_flag
def upgrade(url: str, as_json: bool, quiet: bool, verbose: bool, **rest: Any) -> None:
    """Upgrade the OME-Zarr at URL to a later version by metadata.

    An image is upgraded with its labels, a plate with its wells. If it is interrupted, run it again.
    """
    with exit_on_error(verbose=verbose, quiet=quiet, as_json=as_json):
        storage_options = storage_values(rest)
        from pyramid import editing  # noqa: PLC0415  (obstore: not for --help)

        done = editing.upgrade(url, storage_options=storage_options, **rest)
        if as_json:
            click.echo(json.dumps(done.to_dict(), indent=2))
        elif not quiet:
            click.echo(str(done))
