"""The help of commands: their options in groups, and examples to copy."""

from __future__ import annotations

from collections.abc import Iterator

import click

from pyramid.options.groups import GROUPS

# Title of the options that only one command has, which come first.
OWN = "Options"
STORES = "Stores"
OUTPUT = "Output"
_ORDER = (OWN, *(title for title in GROUPS if title != STORES), STORES, OUTPUT)
# Groups of commands in `pyramid --help`, with their commands in the order of their use.
COMMANDS = {
    "Build": ("convert", "plan", "demo"),
    "Look": ("info", "view", "preview"),
    "Trust": ("validate", "verify", "manifest"),
    "Keep": ("download", "pack", "unpack", "edit", "upgrade"),
}
# What a user types for each command. A usage error shows the first of them.
EXAMPLES = {
    "convert": (
        "pyramid convert cells.tif cells.ome.zarr",
        "pyramid convert cells.ome.tif s3://bucket/cells.ome.zarr --memory 1GiB",
        "pyramid convert a.tif b.tif pyramids/ --resume",
    ),
    "plan": ("pyramid plan cells.tif", "pyramid plan cells.tif cells.ome.zarr --sample --chunks-report"),
    "demo": ("pyramid demo",),
    "info": ("pyramid info cells.ome.zarr", "pyramid info s3://bucket/cells.ome.zarr --json"),
    "view": ("pyramid view cells.ome.zarr", "pyramid view before.ome.zarr after.ome.zarr --diff"),
    "preview": (
        "pyramid preview cells.ome.zarr -o cells.png",
        "pyramid preview cells.ome.zarr -o nuclei.svg --select c=DAPI --projection max",
    ),
    "validate": ("pyramid validate cells.ome.zarr", "pyramid validate s3://bucket/cells.ome.zarr --strict"),
    "verify": (
        "pyramid verify cells.ome.zarr",
        "pyramid verify cells.ome.zarr --source cells.ome.tif --repair",
    ),
    "manifest": ("pyramid manifest cells.ome.zarr", "pyramid manifest cells.ome.zarr -o cells.sha256"),
    "download": (
        "pyramid download https://host/cells.ome.zarr cells-copy.ome.zarr",
        "pyramid download s3://bucket/cells.ome.zarr small.ome.zarr --levels 1:",
    ),
    "pack": ("pyramid pack cells.ome.zarr cells.ozx",),
    "unpack": ("pyramid unpack cells.ozx unpacked.ome.zarr",),
    "edit": (
        "pyramid edit cells.ome.zarr --channel-names DAPI,GFP --windows auto",
        "pyramid edit cells.ome.zarr --scale z=0.5,y=0.1,x=0.1 --dry-run",
    ),
    "upgrade": ("pyramid upgrade cells.ome.zarr --to 0.6 --dry-run",),
}


class GroupedOption(click.Option):
    """An option with the title of its group."""

    def __init__(self, *names: str, group: str, **attributes: object) -> None:
        super().__init__(*names, **attributes)  # type: ignore[arg-type]  # click checks them
        self.group = group


def grouped_options(ctx: click.Context) -> Iterator[tuple[str, list[click.Option]]]:
    """Yield the title and the options of each group of a command that has some."""
    options = [parameter for parameter in ctx.command.get_params(ctx) if isinstance(parameter, click.Option)]
    for title in _ORDER:
        members = [option for option in options if _group(option) == title]
        if members:
            yield title, members


def _group(option: click.Option) -> str:
    if isinstance(option, GroupedOption):
        return option.group
    return OUTPUT if "--help" in option.opts else OWN


def write_groups(ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the options of a command, a section a group."""
    for title, members in grouped_options(ctx):
        records = [record for option in members if (record := option.get_help_record(ctx)) is not None]
        with formatter.section(title):
            formatter.write_dl(records)


def write_examples(ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the examples of a command, each on a line of its own that can be copied."""
    lines = EXAMPLES[str(ctx.info_name)]
    formatter.write(f"\nExample{'s' * (len(lines) > 1)}:\n")
    formatter.write("".join(f"  {line}\n" for line in lines))
