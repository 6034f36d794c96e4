"""The options of ``convert`` and ``plan``: one frozen object, parsed once.

Every field carries its help, its parser and its flags. The command line and the YAML files are read by these fields.
So Python, the command line and the files always accept the same options.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pyramid.errors import OptionError, short_repr
from pyramid.options import parsing
from pyramid.options.attributes import parse_attributes
from pyramid.options.choices import MAX_CODEC_LEVELS, METHODS_HELP, WRITTEN, WRITTEN_REMEDY
from pyramid.options.clusters import ClusterSpec, parse_cluster
from pyramid.options.durations import seconds
from pyramid.options.factors import ScaleFactors, parse_factors
from pyramid.options.labels import LabelValue, parse_label_colors, parse_label_name
from pyramid.options.nearest import nearest, unknown
from pyramid.options.nodata import nodata as parse_nodata
from pyramid.options.one_of import one_of
from pyramid.options.origin import parse_origin
from pyramid.options.rescale import Rescale, parse_dtype, parse_rescale
from pyramid.options.selection import Selection, parse_selection
from pyramid.options.series import parse_series
from pyramid.options.spec import STORAGE_FLAGS, OptionSpec, flags_of

PerAxis: TypeAlias = Mapping[str, int]


def _option(default: object, option_spec: OptionSpec, *, secret: bool = False) -> Any:  # noqa: ANN401  (as field)
    return field(default=default, repr=not secret, metadata={"option_spec": option_spec})


def _store_option(place: str, side: str = "") -> Any:  # noqa: ANN401  (as field)
    """Return the field of the options of a store, or of that of one side only."""
    split, prefix = (flags_of(side), f"{side}_") if side else (STORAGE_FLAGS, "")
    whose = f"options of {place}" if side else f"options of the store of {place}"
    return _option(None, OptionSpec(whose, parsing.mapping, "JSON", split=split, prefix=prefix), secret=True)


@dataclass(frozen=True, kw_only=True)
class Options:
    """All options that decide how a pyramid is built.

    A field that is None or ``"auto"`` is decided from the source. ``pyramid convert --help`` describes each.
    """

    axes: str | None = _option(None, OptionSpec("order of the source's axes, letters of tczyx", parsing.axes, "czyx"))
    scale: Mapping[str, float] | None = _option(
        None,
        OptionSpec(
            "physical size of a level-0 pixel, in --units (else micrometer)",
            parsing.scale,
            "z=0.5,y=0.1,x=0.1",
            ("--voxel-size",),
        ),
    )
    units: str | Mapping[str, str] | None = _option(
        None,
        OptionSpec(
            "unit of the scale, one for z, y and x, or by axis", parsing.units, "micrometer|t=second,z=micrometer"
        ),
    )
    origin: Mapping[str, float] | None = _option(
        None,
        OptionSpec(
            "position of the centre of the first level-0 pixel, in --units (else the source's)",
            parse_origin,
            "z=0,y=120.5,x=-80",
        ),
    )
    name: str | None = _option(None, OptionSpec("name of the image", parsing.text, "TEXT"))
    attributes: Mapping[str, Any] | None = _option(
        None, OptionSpec("further attributes of the group of TARGET, from a JSON file", parse_attributes, "FILE.json")
    )
    channel_names: tuple[str, ...] | None = _option(
        None, OptionSpec("names of the channels", parsing.names, "DAPI,GFP")
    )
    channel_colors: tuple[str, ...] | None = _option(
        None, OptionSpec("colours of the channels, six hexadecimal digits each", parsing.colors, "0000FF,00FF00")
    )
    series: int | str | None = _option(
        None, OptionSpec("which image of a file that holds several, by number or name", parse_series, "N|NAME")
    )
    expand_palette: bool = _option(
        False, OptionSpec("read the colours of a TIFF with a palette, in place of its indices", parsing.switch)
    )
    select: Selection | None = _option(
        None,
        OptionSpec(
            "what is taken of the source's axes: slices as Python's, indices, channels by name; nothing else is read",
            parse_selection,
            "t=0:10,c=DAPI|1,z=::2",
        ),
    )
    dtype: str | None = _option(
        None, OptionSpec("dtype of the pixels; one that loses values only with --rescale", parse_dtype, "uint8")
    )
    rescale: Rescale | None = _option(
        None,
        OptionSpec(
            "two values, or percentiles of a channel, that become the least and greatest of --dtype; values beyond are "
            "clipped. percentiles: 0.1%,99.9%",
            parse_rescale,
            "100,4000",
        ),
    )
    pattern: str | None = _option(
        None,
        OptionSpec(
            "for a folder or a quoted glob of TIFFs that are one image: where their names hold t, c and z",
            parsing.text,
            "'img_t{t:d}_{c}_z{z:d}.tif'",
        ),
    )
    fill_missing: bool = _option(
        False, OptionSpec("make the pixels of files that are missing from such a set 0", parsing.switch)
    )
    ome_xml: bool = _option(True, OptionSpec("keep OME-XML of SOURCE in OME/METADATA.ome.xml", parsing.switch))
    labels: str | None = _option(
        None, OptionSpec("write SOURCE as the label image of this name of the image TARGET", parse_label_name, "NAME")
    )
    label_colors: tuple[LabelValue, ...] | None = _option(
        None,
        OptionSpec(
            "CSV file of label values with columns value and color; other columns become properties",
            parse_label_colors,
            "FILE.csv",
        ),
    )
    format: str = _option(
        "auto",
        OptionSpec("ome-zarr, n5, or auto: n5 if TARGET ends in .n5", one_of("auto", "ome-zarr", "n5"), "KIND"),
    )
    ome_zarr_version: str = _option(
        "0.5",
        OptionSpec("version of the format: 0.4, 0.5 or 0.6", one_of(*WRITTEN, remedy=WRITTEN_REMEDY), "VERSION"),
    )
    method: str = _option("mean", OptionSpec(METHODS_HELP, parsing.method, "NAME", ("-m",)))
    nodata: float | None = _option(
        None, OptionSpec("value of pixels that count for nothing when windows are combined", parse_nodata, "VALUE")
    )
    scale_factors: ScaleFactors = _option(
        "auto",
        OptionSpec(
            "factors relative to the level before, given once for all levels or once a level. yx or zyx: 2 "
            "on these axes; auto: 2 on y and x, and on z where voxels are at most 1.5 times as deep as wide",
            parse_factors,
            "yx|zyx|z=1,y=2,x=2",
            repeat=True,
        ),
    )
    level_source: str = _option(
        "rebuild",
        OptionSpec(
            "rebuild: make each level by the method; reuse: copy those that the source has, whose method is not known",
            one_of("rebuild", "reuse"),
            "KIND",
        ),
    )
    levels: int | None = _option(None, OptionSpec("how many levels, the first included", parsing.count, "N"))
    min_size: int = _option(256, OptionSpec("go on until y and x are at most this many pixels", parsing.count, "PX"))
    chunks: parsing.ChunkLayout | PerAxis = _option(
        "auto",
        OptionSpec(
            "chunk shape, at most 1 MiB. auto: y and x to 256, then z, then y and x; plane: one z; volume: near a "
            "cube; or by axis",
            parsing.chunks,
            "z=64,y=256,x=256",
        ),
    )
    shards: parsing.ShardLayout | PerAxis = _option(
        "auto",
        OptionSpec("shard shape: auto, none, or by axis (none in 0.4 and N5)", parsing.shards, "z=64,y=2048,x=2048"),
    )
    codec: str = _option(
        "blosc:lz4",
        OptionSpec(
            "compression: blosc:lz4, blosc:zstd, zstd, gzip or none; in N5 also bzip2 or xz",
            one_of(*MAX_CODEC_LEVELS),
            "NAME",
        ),
    )
    codec_level: int = _option(5, OptionSpec("effort of the codec, 0 to 9 (22 for zstd)", parsing.count_from_zero, "N"))
    shuffle: str = _option(
        "auto",
        OptionSpec(
            "shuffle of the Blosc codecs: auto, byte, bit or none",
            one_of("auto", "byte", "bit", "none"),
            "KIND",
        ),
    )
    checksum: bool = _option(False, OptionSpec("end every chunk with its crc32c", parsing.switch))
    skip_empty: bool = _option(False, OptionSpec("leave out chunks and shards that hold only zeros", parsing.switch))
    thumbnail: bool = _option(
        False, OptionSpec("write a small picture of the image next to its levels", parsing.switch)
    )
    memory: int | None = _option(
        None,
        OptionSpec(
            "memory for all workers of a machine together; else a quarter of what is free", parsing.byte_count, "2GiB"
        ),
    )
    workers: int | None = _option(
        None, OptionSpec("threads, else one a core; ignored on a cluster", parsing.count, "N")
    )
    scheduler: str | None = _option(
        None, OptionSpec("run on the Dask cluster at this address", parsing.text, "tcp://HOST:8786")
    )
    scheduler_file: str | None = _option(
        None, OptionSpec("run on the Dask cluster that this file describes", parsing.text, "FILE")
    )
    cluster: ClusterSpec | None = _option(
        None,
        OptionSpec("start the Dask cluster that this YAML file describes, and close it", parse_cluster, "FILE.yaml"),
    )
    block_timeout: float | None = _option(
        None,
        OptionSpec(
            "time after which a block on a cluster is given to another worker; else ten times that of the longest so "
            "far, at least 60s",
            seconds,
            "90s|10min",
        ),
    )
    performance_report: str | None = _option(
        None, OptionSpec("write Dask's performance report of a cluster to this HTML file", parsing.text, "FILE")
    )
    overwrite: bool = _option(False, OptionSpec("replace TARGET if it is a Zarr or N5", parsing.switch))
    resume: bool = _option(
        False, OptionSpec("go on with an unfinished TARGET; begin if nothing is there", parsing.switch)
    )
    storage_options: Mapping[str, Any] | None = _store_option("whichever of SOURCE and TARGET is remote")
    source_storage_options: Mapping[str, Any] | None = _store_option("SOURCE's store only", "source")
    target_storage_options: Mapping[str, Any] | None = _store_option("TARGET's store only", "target")
    manifest: str | None = _option(
        None, OptionSpec("write key, size and sha256 of each object of TARGET to this file", parsing.text, "FILE")
    )
    report: str | None = _option(
        None, OptionSpec("write what was done to this file: JSON, or a page if it ends in .html", parsing.text, "FILE")
    )


def option_specs() -> dict[str, OptionSpec]:
    """Return the OptionSpec of every option by name, in the order of ``--help``."""
    return {f.name: f.metadata["option_spec"] for f in dataclasses.fields(Options)}


def _unknown_option(name: object) -> str:
    """Return a message that `name` is unknown, with the option that it may mean."""
    known = option_specs()
    instead = {flag.lstrip("-").replace("-", "_"): repr(of) for of, spec in known.items() for flag in spec.flags}
    for of, spec in known.items():
        instead |= {key: f"{of}: {{{key.removeprefix(spec.prefix)}: …}}" for key, _ in spec.split}
    near = nearest(name, [*known, *(alias for alias in instead if len(alias) > 1)])
    if near in instead:
        return f"unknown option {short_repr(name)}; did you mean {instead[near]}?"
    return unknown("option", name, known)


def make_options(values: Mapping[str, Any]) -> Options:
    """Parse a user's values, by option name, into Options.

    A value of None leaves the default. Raises OptionError for an unknown option, with the nearest known name, and for a
    value that does not parse.

    Examples
    --------
    >>> make_options({"chunks": "y=64,x=64"}).chunks
    {'y': 64, 'x': 64}
    """
    known = option_specs()
    parsed: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise OptionError(_unknown_option(name))
        if value is None:
            continue
        try:
            parsed[name] = known[name].parse(value)
        except OptionError as error:
            raise OptionError(f"{name}: {error}") from None
    return Options(**parsed)
