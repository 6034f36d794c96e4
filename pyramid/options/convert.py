"""The options of ``convert`` and ``plan``: one frozen object, parsed once.

Every field carries its help, its parser and its flags. The command line and the YAML files are read by these fields.
So Python, the command line and the files always accept the same options.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pyramid.errors import OptionError, short_repr
from pyramid.options import parsing
from pyramid.options.factors import ScaleFactors, parse_factors
from pyramid.options.nearest import nearest, unknown

PerAxis: TypeAlias = Mapping[str, int]

# The codecs, and the highest effort of each. Without a codec the effort is ignored, so any that a codec has will do.
MAX_CODEC_LEVELS = {"blosc:lz4": 9, "blosc:zstd": 9, "zstd": 22, "gzip": 9, "none": 22}
# The versions of OME-Zarr that are written, and the answer to another.
WRITTEN = ("0.4", "0.5")
WRITTEN_REMEDY = "others can be read and not yet written: give 0.5, the newest of these"
METHODS_HELP = "how pixels are combined: mean, nearest, mode, median, min, max, or the name of a plug-in"


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """The parser, the help and the flags of one option.

    Parameters
    ----------
    help
        One line for ``--help``, the documentation and the YAML reference.
    parse
        Turns a user's text or Python value into the field's value, or raises OptionError.
    metavar
        Placeholder of the value in ``--help``; empty for a switch.
    flags
        Other flags besides the name itself, as ``-m``.
    split
        Flags for single keys of a mapping, as pairs of name and help.
    prefix
        The beginning of those names that is not part of the key.
    repeat
        Whether the flag may be given several times. The values then make a list.
    """

    help: str
    parse: Callable[[Any], Any]
    metavar: str = ""
    flags: tuple[str, ...] = ()
    split: tuple[tuple[str, str], ...] = ()
    prefix: str = ""
    repeat: bool = False


def _option(default: object, option_spec: OptionSpec, *, secret: bool = False) -> Any:  # noqa: ANN401  (as field)
    return field(default=default, repr=not secret, metadata={"option_spec": option_spec})


STORAGE_FLAGS = (
    ("endpoint_url", "address of a service other than the scheme's own, as http://HOST:9000"),
    ("region", "region of the bucket"),
    ("profile", "profile of ~/.aws whose credentials are used"),
    ("anon", "send no credentials"),
)


def _flags_of(side: str) -> tuple[tuple[str, str], ...]:
    """Return the flags of a store that are for SOURCE or TARGET only."""
    return tuple(
        (f"{side}_{key}", f"as --{key.replace('_', '-')}, for {side.upper()} only") for key, _ in STORAGE_FLAGS
    )


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
    name: str | None = _option(None, OptionSpec("name of the image", parsing.text, "TEXT"))
    channel_names: tuple[str, ...] | None = _option(
        None, OptionSpec("names of the channels", parsing.names, "DAPI,GFP")
    )
    channel_colors: tuple[str, ...] | None = _option(
        None, OptionSpec("colours of the channels, six hexadecimal digits each", parsing.colors, "0000FF,00FF00")
    )
    series: int | None = _option(
        None, OptionSpec("which image of a file that holds several", parsing.count_from_zero, "N")
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
    ome_zarr_version: str = _option(
        "0.5",
        OptionSpec("version of the format: 0.4 or 0.5", parsing.one_of(*WRITTEN, remedy=WRITTEN_REMEDY), "VERSION"),
    )
    method: str = _option("mean", OptionSpec(METHODS_HELP, parsing.method, "NAME", ("-m",)))
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
        "auto", OptionSpec("shard shape: auto, none, or by axis (none in 0.4)", parsing.shards, "z=64,y=2048,x=2048")
    )
    codec: str = _option(
        "blosc:lz4",
        OptionSpec(
            "compression: blosc:lz4, blosc:zstd, zstd, gzip or none",
            parsing.one_of(*MAX_CODEC_LEVELS),
            "NAME",
        ),
    )
    codec_level: int = _option(5, OptionSpec("effort of the codec, 0 to 9 (22 for zstd)", parsing.count_from_zero, "N"))
    shuffle: str = _option(
        "auto",
        OptionSpec(
            "shuffle of the Blosc codecs: auto, byte, bit or none",
            parsing.one_of("auto", "byte", "bit", "none"),
            "KIND",
        ),
    )
    checksum: bool = _option(False, OptionSpec("end every chunk with its crc32c", parsing.switch))
    skip_empty: bool = _option(False, OptionSpec("leave out chunks and shards that hold only zeros", parsing.switch))
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
    overwrite: bool = _option(False, OptionSpec("replace TARGET if it is a Zarr", parsing.switch))
    resume: bool = _option(
        False, OptionSpec("go on with an unfinished TARGET; begin if nothing is there", parsing.switch)
    )
    storage_options: Mapping[str, Any] | None = _option(
        None,
        OptionSpec(
            "options of the store of whichever of SOURCE and TARGET is remote",
            parsing.mapping,
            "JSON",
            split=STORAGE_FLAGS,
        ),
        secret=True,
    )
    source_storage_options: Mapping[str, Any] | None = _option(
        None,
        OptionSpec(
            "options of SOURCE's store only", parsing.mapping, "JSON", split=_flags_of("source"), prefix="source_"
        ),
        secret=True,
    )
    target_storage_options: Mapping[str, Any] | None = _option(
        None,
        OptionSpec(
            "options of TARGET's store only", parsing.mapping, "JSON", split=_flags_of("target"), prefix="target_"
        ),
        secret=True,
    )
    report: str | None = _option(
        None, OptionSpec("write plan, versions, timings and bytes to this JSON file", parsing.text, "FILE")
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
