"""The options of the functions that build pyramids, as keywords with types.

Editors and type checkers read them. They are made from `pyramid.options.convert` and `pyramid.options.adding` by
``python .ci/option_types.py``: change those lists, and run it again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict


class CreateOptions(TypedDict, total=False):
    """The options of `create`. None leaves the default of each."""

    scale: str | Mapping[str, float] | None
    """Physical size of a level-0 pixel, in units (else micrometer)."""

    units: str | Mapping[str, str] | None
    """Unit of the scale, one for z, y and x, or by axis."""

    origin: str | Mapping[str, float] | None
    """Position of the centre of the first level-0 pixel, in units (else the source's)."""

    name: str | None
    """Name of the image."""

    attributes: str | os.PathLike[str] | Mapping[str, Any] | None
    """Further attributes of the group of TARGET, from a JSON file."""

    channel_names: str | Sequence[str] | None
    """Names of the channels."""

    channel_colors: str | Sequence[str] | None
    """Colours of the channels, six hexadecimal digits each."""

    fill_missing: bool | None
    """Make pixels that never come 0 in `finish`, which else refuses an image with gaps. Default: False."""

    format: Literal["auto", "ome-zarr", "n5"] | str | None
    """Ome-zarr, n5, or auto: n5 if TARGET ends in .n5. Default: auto."""

    ome_zarr_version: Literal["0.4", "0.5", "0.6"] | str | None
    """Version of the format: 0.4, 0.5 or 0.6. Default: 0.5."""

    method: str | None
    """How pixels are combined: mean (mode for labels), nearest, mode, median, min, max, gaussian, or the name of a
    plug-in. Default: mean."""

    nodata: float | str | None
    """Value of pixels that count for nothing when windows are combined."""

    scale_factors: Literal["auto", "yx", "zyx"] | str | Mapping[str, int] | Sequence[str | Mapping[str, int]] | None
    """Factors relative to the level before, given once for all levels or once a level. yx or zyx: 2 on these axes;
    auto: 2 on y and x, and on z where voxels are at most 1.5 times as deep as wide. Default: auto."""

    levels: int | Literal["as written"] | None
    """How many levels, the first included; or "as written": each object of a level as soon as it can be made."""

    min_size: int | None
    """Go on until y and x are at most this many pixels. Default: 256."""

    chunks: Literal["auto", "plane", "volume"] | str | Mapping[str, int] | None
    """Chunk shape, at most 1 MiB. auto: y and x to 256, then z, then y and x; plane: one z; volume: near a cube; or by
    axis. Default: auto."""

    shards: Literal["auto", "none"] | str | Mapping[str, int] | None
    """Shard shape: auto, none, or by axis (none in 0.4 and N5). Default: auto."""

    codec: Literal["blosc:lz4", "blosc:zstd", "zstd", "gzip", "none", "bzip2", "xz"] | str | None
    """Compression: blosc:lz4, blosc:zstd, zstd, gzip or none; in N5 also bzip2 or xz. Default: blosc:lz4."""

    codec_level: int | None
    """Effort of the codec, 0 to 9 (22 for zstd). Default: 5."""

    shuffle: Literal["auto", "byte", "bit", "none"] | str | None
    """Shuffle of the Blosc codecs: auto, byte, bit or none. Default: auto."""

    checksum: bool | None
    """End every chunk with its crc32c. Default: False."""

    skip_empty: bool | None
    """Leave out chunks and shards that hold only zeros. Default: False."""

    thumbnail: bool | None
    """Write a small picture of the image next to its levels. Default: False."""

    memory: int | str | None
    """Memory for parts of objects that wait for the rest, and for the workers of `finish`; else a quarter of what is
    free."""

    workers: int | None
    """Threads, else one a core; ignored on a cluster."""

    scheduler: str | None
    """Run on the Dask cluster at this address."""

    scheduler_file: str | os.PathLike[str] | None
    """Run on the Dask cluster that this file describes."""

    cluster: str | os.PathLike[str] | Mapping[str, Any] | None
    """Start the Dask cluster that this YAML file describes, and close it."""

    block_timeout: float | str | None
    """Time after which a block on a cluster is given to another worker; else ten times that of the longest so far, at
    least 60s."""

    performance_report: str | os.PathLike[str] | None
    """Write Dask's performance report of a cluster to this HTML file."""

    overwrite: bool | None
    """Replace TARGET if it is a Zarr or N5. Default: False."""

    resume: bool | None
    """Go on with an unfinished TARGET; begin if nothing is there. Default: False."""

    storage_options: str | Mapping[str, Any] | None
    """Options of the store of TARGET. Keys: endpoint_url, region, profile, anon."""

    report: str | os.PathLike[str] | None
    """Write what was done to this file: JSON, or a page if it ends in .html."""
