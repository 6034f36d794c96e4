"""``pyramid preview``: a picture of an OME-Zarr."""

from __future__ import annotations

import json
from typing import Any

import click

from pyramid.cli.failures import exit_on_error
from pyramid.cli.flags import json_flag, quiet_flag, storage_flags, storage_values, verbose_flag
from pyramid.cli.usage import SentenceCommand


@click.command(cls=SentenceCommand)
@click.argument("url")
@click.option("-o", "--output", metavar="FILE", help="The picture: a name that ends in .png, .jpg, .webp or .svg.")
@click.option("--size", metavar="PIXELS", help="Longest side of what is shown. [default: 1024].")
@click.option("--select", metavar="t=0,c=DAPI|GFP,y=0:512", help="The part that is shown.")
@click.option("--projection", metavar="max|mean", help="Make one plane of all z. The middle plane is shown otherwise.")
@click.option("--levels", is_flag=True, help="Show each level.")
@click.option("--montage", metavar="z|t", help="Show each position on this axis, at most 100.")
@click.option("--scale-bar/--no-scale-bar", default=True, help="Draw a scale bar. [default: yes].")
@click.option("--legend/--no-legend", default=True, help="Draw the names of the channels. [default: yes].")
@storage_flags
@json_flag
@quiet_flag
@verbose_flag
def preview(url: str, output: str | None, as_json: bool, quiet: bool, **rest: Any) -> None:
    """Write a picture of the OME-Zarr at URL.

    URL is a path or URL of an image, or of a plate, a well or a series, of which each image is shown. Channels have the
    colours and windows of the metadata. An older picture at FILE is replaced, and no other file.
    """
    verbose = rest.pop("verbose")
    if output is None:
        raise click.UsageError("Missing option '-o'; type pyramid preview URL -o picture.png")
    with exit_on_error(verbose=verbose, quiet=quiet, as_json=as_json):
        storage_options = storage_values(rest)
        from pyramid import image  # noqa: PLC0415  (numpy: not for --help)

        options = {name: value for name, value in rest.items() if value is not None}
        made = image.preview(url, output, storage_options=storage_options, **options)
        width, height = made.size
        if as_json:
            found = {"output": output, "width": width, "height": height, "notices": list(made.notices)}
            click.echo(json.dumps(found, indent=2))
        elif not quiet:
            click.echo(f"{output}: {width} x {height} pixels")
