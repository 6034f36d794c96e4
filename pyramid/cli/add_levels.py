"""``pyramid add-levels``: build the coarser levels of an array or image in place."""

from __future__ import annotations

import json
from typing import Any

import click

from pyramid.cli.failures import exit_on_error
from pyramid.cli.flags import (
    adding_flags,
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
@click.option("--rebuild", is_flag=True, help="Replace levels that are there; readers see the old until all is done.")
@adding_flags
@storage_flags
@json_flag
@progress_flag
@quiet_flag
@verbose_flag
def add_levels(url: str, rebuild: bool, as_json: bool, **rest: Any) -> None:
    """Build the coarser levels of the image or array at URL, in place.

    URL is an OME-Zarr or N5 with only level 0, or an array in a group, which becomes an image. Level 0 is not touched,
    and all metadata of others is kept. New levels are stored as level 0 is, unless options say otherwise.
    """
    quiet, verbose, no_progress = rest.pop("quiet"), rest.pop("verbose"), rest.pop("no_progress")
    with exit_on_error(verbose=verbose, quiet=quiet, as_json=as_json) as ending:
        from pyramid import adding, image  # noqa: PLC0415  (numpy and more: not for --help)
        from pyramid.engine.report import RunReport  # noqa: PLC0415
        from pyramid.options.adding import make_adding_options  # noqa: PLC0415

        storage = storage_values(rest)
        given = {name: value for name, value in rest.items() if value not in (None, ())}
        result = RunReport("add-levels", url, url, make_adding_options(given, storage))
        ending.report = result.to_dict
        adding.run_adding(result, rebuild=rebuild, progress=not (quiet or no_progress))
        if as_json:
            click.echo(json.dumps(result.to_dict(), indent=2))
        elif not quiet:
            click.echo(str(image.read_image(result.target or url, storage)))
            if result.tally is not None:
                click.echo(result.summary(), err=True)
