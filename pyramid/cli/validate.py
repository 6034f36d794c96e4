"""``pyramid validate``: whether an OME-Zarr keeps the rules of its version."""

from __future__ import annotations

import json
from typing import Any

import click

from pyramid.cli.failures import exit_on_error
from pyramid.cli.flags import json_flag, quiet_results_flag, storage_flags, storage_values, verbose_flag
from pyramid.cli.usage import SentenceCommand
from pyramid.cli.verify import BAD


@click.command(cls=SentenceCommand)
@click.argument("url")
@click.option("--strict", is_flag=True, help="Warnings make it invalid too.")
@click.option("--metadata-only", is_flag=True, help="Validate the attributes at URL only, not what they name.")
@click.option("--exit-zero", is_flag=True, help="End with exit status 0 also if it is not valid.")
@storage_flags
@json_flag
@quiet_results_flag
@verbose_flag
def validate(url: str, strict: bool, metadata_only: bool, as_json: bool, **storage: Any) -> None:
    """Validate the OME-Zarr at URL by the rules of its version.

    Each broken MUST is an error, each broken SHOULD a warning, each with its place, its rule and a remedy. The exit
    status is 0 if it is valid, 1 if it is not, and 3 if URL cannot be read. No pixel is read, and nothing is written.
    """
    quiet, verbose, exit_zero = (storage.pop(name) for name in ("quiet", "verbose", "exit_zero"))
    with exit_on_error(verbose=verbose, quiet=quiet, as_json=as_json):
        storage_options = storage_values(storage)
        from pyramid import validating  # noqa: PLC0415  (not for --help)

        done = validating.validate(url, strict=strict, metadata_only=metadata_only, storage_options=storage_options)
        if as_json:
            click.echo(json.dumps(done.to_dict(), indent=2))
        elif not quiet:
            click.echo(str(done))
    if not (done.valid or exit_zero):
        raise SystemExit(BAD)
