"""The options of a conversion in groups, as help and the reference show them."""

from __future__ import annotations

from types import MappingProxyType

# Names of options by the title of their group, in the order of both.
GROUPS = MappingProxyType(
    {
        "Source": (
            *("axes", "series", "select", "pattern", "fill_missing", "expand_palette", "level_source"),
            *("dtype", "rescale"),
        ),
        "Metadata": (
            *("scale", "units", "origin", "name", "channel_names", "channel_colors", "attributes", "ome_xml"),
        ),
        "Labels": ("labels", "label_colors"),
        "Levels": ("method", "nodata", "scale_factors", "levels", "min_size"),
        "Format": (
            *("format", "ome_zarr_version", "chunks", "shards", "codec", "codec_level", "shuffle", "checksum"),
            *("skip_empty", "thumbnail"),
        ),
        "Workers": (
            *("memory", "workers", "scheduler", "scheduler_file", "cluster", "block_timeout", "performance_report"),
        ),
        "Target": ("overwrite", "resume", "manifest", "report"),
        "Stores": ("storage_options", "source_storage_options", "target_storage_options"),
    }
)


def group_of(name: str) -> str:
    """Return the title of the group of an option.

    Examples
    --------
    >>> group_of("codec_level")
    'Format'
    """
    return next(title for title, names in GROUPS.items() if name in names)
