"""The picture that ``pyramid info --picture`` prints."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from typing import Any

import click

from pyramid.cli.failures import print_notice
from pyramid.errors import PyramidError

# The longest side of a picture that a terminal shows by a protocol of its own.
SIZE_PX = 480


def print_picture(url: str, storage_options: Mapping[str, Any] | None, *, ascii_only: bool) -> None:
    """Print a picture as the terminal can show it; a notice if there is none."""
    from pyramid.image import preview  # noqa: PLC0415  (NumPy and codecs: only for a picture)
    from pyramid.previewing.terminal import choose_protocol, show  # noqa: PLC0415

    protocol = "ascii" if ascii_only else choose_protocol(os.environ, is_terminal=sys.stdout.isatty())
    of_letters = protocol in ("ascii", "blocks")
    try:
        made = preview(
            url,
            size=SIZE_PX,
            scale_bar=not of_letters,
            legend=not of_letters,
            storage_options=storage_options,
        )
    except PyramidError as error:  # the metadata that was asked for is printed
        print_notice(f"no picture can be shown: {error}")
        return
    click.echo(show(made, protocol, shutil.get_terminal_size().columns - 1), nl=False, color=True)
