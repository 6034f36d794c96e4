"""``pyramid demo``: a real image, its pyramid, and how to look at it."""

from __future__ import annotations

import shlex
import shutil
import sys
from importlib.resources import as_file, files
from pathlib import Path

import click

from pyramid import api, image
from pyramid.errors import TargetError
from pyramid.options.convert import make_options

SAMPLE = "slide.ome.tif"


def run_demo(folder: str) -> None:
    """Copy the sample to `folder`, convert it, and print the result.

    Raises TargetError where the folder cannot be written.
    """
    directory = Path(folder)
    source, target = directory / SAMPLE, directory / SAMPLE.replace(".ome.tif", ".ome.zarr")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with as_file(files("pyramid") / "data" / SAMPLE) as sample:
            shutil.copyfile(sample, source)
    except OSError as error:
        raise TargetError(f"{directory} cannot be written: {error.strerror}; give another folder") from error
    click.echo(f"$ pyramid convert --overwrite {source} {target}", err=True)
    result = api.run(str(source), str(target), make_options({"overwrite": True}), True)
    click.echo(str(image.open(str(target))))
    click.echo(result.summary(), err=True)
    click.echo(
        f"\nThe image is {target}. {_activation()}Look at it again with\n"
        f"  pyramid info {target}\n"
        f"or in Python, level by level, with\n"
        f'  import pyramid; pyramid.open("{target}").levels[1].data.compute()'
    )


def _activation() -> str:
    """Return how to make ``pyramid`` a command; empty if the shell finds it."""
    script = Path(sys.prefix) / "bin" / "activate"
    if shutil.which("pyramid") is not None or not script.exists():
        return ""
    here = Path.cwd()
    shown = script.relative_to(here) if script.is_relative_to(here) else script
    return f"Type\n  . {shlex.quote(str(shown))}\nto have pyramid as a command of this shell. "
