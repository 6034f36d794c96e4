"""The groups of ``--help`` and the example of each command."""

from __future__ import annotations

from collections.abc import Iterable

import click

# The groups of commands; a command that is in none comes last.
COMMANDS = {
    "Build": ("demo", "convert", "plan", "add-levels"),
    "Look": ("info", "view", "preview"),
    "Trust": ("validate", "verify", "manifest"),
    "Keep": ("download", "pack", "unpack", "edit", "upgrade"),
    "Shell": ("completion",),
}
# What a user types for each command, as its help and its usage errors show it.
EXAMPLES = {
    "convert": "pyramid convert cells.tif cells.ome.zarr",
    "plan": "pyramid plan cells.tif",
    "add-levels": "pyramid add-levels cells.ome.zarr --rebuild --min-size 64",
    "info": "pyramid info cells.ome.zarr",
    "view": "pyramid view cells.ome.zarr",
    "preview": "pyramid preview cells.ome.zarr -o cells.png",
    "manifest": "pyramid manifest cells.ome.zarr -o cells.sha256",
    "validate": "pyramid validate cells.ome.zarr --strict",
    "verify": "pyramid verify cells.ome.zarr --source cells.tif",
    "download": "pyramid download https://host/cells.ome.zarr cells.ome.zarr",
    "edit": "pyramid edit cells.ome.zarr --channel-names DAPI,GFP --dry-run",
    "upgrade": "pyramid upgrade cells.ome.zarr --to 0.6 --dry-run",
    "pack": "pyramid pack cells.ome.zarr cells.ozx",
    "unpack": "pyramid unpack cells.ozx cells.ome.zarr",
    "demo": "pyramid demo",
    "completion": "pyramid completion bash",
}
# The groups of options of all commands, by the names of their parameters. Options that are in none come first.
OPTIONS = {
    "Source": (
        *("axes", "scale", "units", "origin", "series", "expand_palette", "select", "pattern", "fill_missing"),
        *("each", "level_source", "nodata", "source", "to"),
    ),
    "Metadata": (
        *("name", "attributes", "channel_names", "channel_colors", "labels", "label_colors", "ome_xml", "windows"),
        *("translation", "remove_label", "thumbnail"),
    ),
    "Format": (
        *("format", "ome_zarr_version", "chunks", "shards", "codec", "codec_level", "shuffle", "checksum"),
        *("skip_empty", "dtype", "rescale"),
    ),
    "Levels": ("rebuild", "method", "scale_factors", "levels", "min_size"),
    "Machine": ("memory", "workers", "max_objects"),
    "Cluster": ("scheduler", "scheduler_file", "cluster", "block_timeout", "performance_report"),
    "What is there": ("overwrite", "resume"),
    "Stores": (
        *("storage_options", "source_storage_options", "target_storage_options"),
        *(
            f"{side}{key}"
            for side in ("", "source_", "target_")
            for key in ("endpoint_url", "region", "profile", "anon")
        ),
    ),
    "Output": (*("manifest", "report", "config", "dry_run", "as_json", "no_progress", "quiet", "verbose", "help"),),
}
_GROUP_OF = {name: title for title, names in OPTIONS.items() for name in names}
# The groups that a command with few options has too, and what few is: those are read at a glance.
ALWAYS = ("Stores", "Output")
MIN_GROUPED = 24


def option_groups(parameters: Iterable[click.Parameter], ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
    """Return the options of a command with their help, in groups if they are many."""
    rows: dict[str, list[tuple[str, str]]] = {title: [] for title in ("Options", *OPTIONS)}
    options = [parameter for parameter in parameters if isinstance(parameter, click.Option)]
    kept = OPTIONS if len(options) >= MIN_GROUPED else ALWAYS
    for option in options:
        record, title = option.get_help_record(ctx), _GROUP_OF.get(str(option.name), "Options")
        if record is not None:
            rows[title if title in kept else "Options"].append(record)
    return {title: group for title, group in rows.items() if group}


def write_options(parameters: Iterable[click.Parameter], ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the options of a command, in groups if they are many."""
    for title, group in option_groups(parameters, ctx).items():
        with formatter.section(title):
            formatter.write_dl(group)


def write_commands(group: click.Group, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the commands with a line of help each, in groups."""
    commands = {name: command for name in group.list_commands(ctx) if (command := group.get_command(ctx, name))}
    limit = formatter.width - 6 - max(map(len, commands))
    grouped = {name for names in COMMANDS.values() for name in names}
    titles = {**COMMANDS, "Other": tuple(name for name in commands if name not in grouped)}
    for title, names in titles.items():
        rows = [(name, commands[name].get_short_help_str(limit)) for name in names if name in commands]
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def write_example(name: str, formatter: click.HelpFormatter) -> None:
    """Write the example of a command."""
    if name in EXAMPLES:
        with formatter.section("Example"):
            formatter.write_text(EXAMPLES[name])
