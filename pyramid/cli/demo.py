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
from pyramid.stores import locate

SAMPLE = "slide.ome.tif"
# How napari is installed with a window; the plug-in is a part of this package.
INSTALL_VIEWER = "pip install 'napari[all]'"


def run_demo(folder: str) -> None:
    """Copy the sample to `folder`, convert it, and print the result.

    Raises TargetError where the folder cannot be written.
    """
    if not locate(folder).is_local:
        raise TargetError(f"{folder} is not on local disk, where the sample is written; give a folder")
    directory = Path(folder).expanduser()
    source, target = directory / SAMPLE, directory / SAMPLE.replace(".ome.tif", ".ome.zarr")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with as_file(files("pyramid") / "data" / SAMPLE) as sample:
            shutil.copyfile(sample, source)
    except OSError as error:
        raise TargetError(f"{directory} cannot be written: {error.strerror}; give another folder") from error
    click.echo(f"$ {shlex.join(['pyramid', 'convert', '--overwrite', str(source), str(target)])}", err=True)
    result = api.run(str(source), str(target), make_options({"overwrite": True}), True)
    click.echo(str(image.open(str(target))))
    click.echo(result.summary(), err=True)
    click.echo(
        f"\nThe image is {target}. {_activation()}Look at it in a browser with\n"
        f"  {shlex.join(['pyramid', 'view', str(target)])}\n"
        "or in napari, by the plug-in of this package, with\n"
        f"  {INSTALL_VIEWER}\n"
        f"  {shlex.join(['napari', '--plugin', 'ome-pyramid', str(target)])}\n"
        "docs/viewers.md of the repository names others. Print what is in it with\n"
        f"  {shlex.join(['pyramid', 'info', str(target)])}\n"
        f"or read it in Python, level by level, with\n"
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
