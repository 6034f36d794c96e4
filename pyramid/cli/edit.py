"""``pyramid edit``: change the metadata of an image in place."""

from __future__ import annotations

import json
from typing import Any

import click

from pyramid.cli.failures import exit_on_error
from pyramid.cli.flags import json_flag, quiet_flag, storage_flags, storage_values, verbose_flag
from pyramid.cli.usage import SentenceCommand

dry_run_flag = click.option("--dry-run", is_flag=True, help="Show the difference, and write nothing.")


@click.command(cls=SentenceCommand)
@click.argument("url")
@click.option("--name", metavar="TEXT", help="Name of the image.")
@click.option("--channel-names", metavar="DAPI,GFP", help="Names of the channels.")
@click.option("--channel-colors", metavar="0000FF,00FF00", help="Colours, six hexadecimal digits each.")
@click.option("--windows", metavar="auto", help="Shown values: measured on the smallest level, or 0:255,10:4000.")
@click.option("--scale", metavar="z=0.5,y=0.1,x=0.1", help="Size of a level-0 pixel; other levels follow.")
@click.option("--units", metavar="micrometer", help="Units of the axes, or z=micrometer,t=second.")
@click.option("--translation", metavar="y=10,x=-2.5", help="Centre of the first pixel of level 0; other levels follow.")
@click.option("--attributes", metavar="JSON|FILE", help="Further attributes of the group; null removes one.")
@click.option("--remove-label", metavar="NAME", help="Remove a label with its pixels.")
@dry_run_flag
@storage_flags
@json_flag
@quiet_flag
@verbose_flag
def edit(url: str, as_json: bool, quiet: bool, verbose: bool, **rest: Any) -> None:
    """Edit the metadata of the OME-Zarr at URL, in place.

    The new document is checked before it replaces the old one as a whole; whatever is not named stays as it is.
    """
    with exit_on_error(verbose=verbose, quiet=quiet, as_json=as_json):
        storage_options = storage_values(rest)
        from pyramid import editing  # noqa: PLC0415  (obstore: not for --help)

        done = editing.edit(url, storage_options=storage_options, **rest)
        if as_json:
            click.echo(json.dumps(done.to_dict(), indent=2))
        elif not quiet:
            click.echo(str(done))
