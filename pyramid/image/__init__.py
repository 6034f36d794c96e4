"""An OME-Zarr image, opened: its metadata read, its pixels left where they are until asked for."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr.abc.store
import zarr.errors
from zarr import Array

from pyramid.errors import SourceError
from pyramid.image import table
from pyramid.model import Shape
from pyramid.ngff import Dataset, Multiscale, OmeroChannel, parse_versioned
from pyramid.stores import Location, locate, open_store

if TYPE_CHECKING:
    import dask.array

# What else a group can be, by the key that says so, and what to open instead.
_HINTS = {
    "bioformats2raw.layout": "it holds several images; open one of them, as {0}/0",
    "plate": "it is a plate; open one of its images, as {0}/A/1/0",
    "well": "it is a well; open one of its images, as {0}/0",
}


@dataclass(frozen=True, repr=False, eq=False)
class Level:
    """One level of an image.

    Parameters
    ----------
    path
        Path of its array below the image.
    scale
        Size of a pixel on each axis, in the image's units.
    translation
        Centre of its first pixel on each axis, in the image's units; None where the image does not say.
    zarr
        The Zarr array.
    """

    path: str
    scale: tuple[float, ...]
    translation: tuple[float, ...] | None
    zarr: Array[Any]

    @property
    def shape(self) -> Shape:
        """Pixels on each axis."""
        return self.zarr.shape

    @property
    def chunks(self) -> Shape:
        """Pixels of a chunk on each axis."""
        return self.zarr.chunks

    @property
    def shards(self) -> Shape | None:
        """Pixels of a shard on each axis; None where chunks are not in shards."""
        return self.zarr.shards

    @property
    def dtype(self) -> np.dtype[Any]:
        """The pixels' dtype, in the byte order in which they are stored."""
        return np.dtype(self.zarr.dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of its pixels before compression."""
        return self.zarr.size * self.dtype.itemsize

    @property
    def codecs(self) -> list[dict[str, Any]]:
        """The codecs as the array's metadata names them, in the order in which they encode."""
        told: dict[str, Any] = dict(self.zarr.metadata.to_dict())
        found = told["codecs"] if "codecs" in told else [*(told["filters"] or ()), told["compressor"]]
        return [codec for codec in found if codec is not None]

    @property
    def data(self) -> dask.array.Array:
        """The pixels as a lazy Dask array, one block a shard, or a chunk where there are no shards.

        Dask reads of a block no more than is asked for, whole chunks at least.
        """
        import dask.array  # noqa: PLC0415  (it takes a second, and metadata needs none of it)

        return dask.array.from_zarr(self.zarr, chunks=self.shards or self.chunks)

    def __repr__(self) -> str:
        """Its path, shape and dtype."""
        return f"<Level {self.path!r}: {table.by(self.shape)} {self.dtype}>"


@dataclass(frozen=True, repr=False, eq=False)
class Image:
    """An OME-Zarr image.

    ``str(image)`` is a table; in a notebook it shows itself with a picture.

    Parameters
    ----------
    url
        Where it is, free of secrets.
    version
        Version of OME-Zarr that it is written in.
    metadata
        All that its attributes tell.
    levels
        Its levels, the largest first.
    """

    url: str
    version: str
    metadata: Multiscale
    levels: tuple[Level, ...]

    @property
    def axes(self) -> str:
        """Letters of ``tczyx``, in the order of its arrays' axes."""
        return self.metadata.axes

    @property
    def units(self) -> tuple[str | None, ...]:
        """Unit of each axis, None where it is unknown."""
        return self.metadata.units

    @property
    def name(self) -> str:
        """What it is called: the name in its metadata, or else that of its folder."""
        return self.metadata.name or self.url.rstrip("/").rpartition("/")[2]

    @property
    def channels(self) -> tuple[OmeroChannel, ...]:
        """How each channel is shown; empty where the image does not say."""
        return self.metadata.channels

    def to_dict(self) -> dict[str, Any]:
        """All that is known of it, ready for JSON."""
        return table.as_dict(self)

    def __str__(self) -> str:
        """A table of its levels and channels."""
        return table.as_text(self)

    def __repr__(self) -> str:
        """Its place, axes and largest shape."""
        return f"<Image {self.url!r}: {self.axes} {table.by(self.levels[0].shape)}, {len(self.levels)} levels>"

    def _repr_html_(self) -> str:
        """A table with a picture of a small level."""
        from pyramid.image.picture import as_png  # noqa: PLC0415  (the codecs are for those who look)

        try:
            encoded = base64.b64encode(as_png(self)).decode()
            picture = f'<img alt="a small level" src="data:image/png;base64,{encoded}">'
        except Exception as error:  # whatever is wrong with its pixels, the table is right
            picture = f"<p>There is no picture: {html.escape(str(error) or type(error).__name__)}</p>"
        return picture + table.as_html(self)


def open(url: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None) -> Image:
    """Open an OME-Zarr image of version 0.4 or 0.5, reading its metadata alone.

    Parameters
    ----------
    url
        A path or URL.
    storage_options
        What its store is opened with, as ``{"anon": True}``.

    Raises
    ------
    SourceError
        Where there is nothing, no OME-Zarr image, a conversion that is not finished, or one that is broken, with the
        place in its metadata.
    OptionError
        For a scheme or an option that is not known.
    """
    location = locate(os.fspath(url))
    store = open_store(os.fspath(url), storage_options, read_only=True)
    with _told(location):
        group = zarr.open_group(store, mode="r", use_consolidated=False)
        attributes = group.attrs.asdict()
        _refuse_others(location, attributes)
        version, metadata = parse_versioned(attributes)
        levels = tuple(_open_level(store, dataset, metadata.axes) for dataset in metadata.datasets)
    return Image(str(location), version.name, metadata, levels)


@contextmanager
def _told(location: Location) -> Iterator[None]:
    """Turn what a store and its metadata raise into SourceError, with the place."""
    try:
        yield
    except SourceError as error:
        raise SourceError(f"{location}: {error}") from error.__cause__
    except zarr.errors.ContainsArrayError as error:
        raise SourceError(f"{location} is a Zarr array, not an image; make one of it with pyramid convert") from error
    except (FileNotFoundError, zarr.errors.GroupNotFoundError) as error:
        raise SourceError(f"{location}: there is no Zarr group; give the path or URL of an OME-Zarr image") from error
    except Exception as error:  # each store has errors of its own kinds, and broken metadata raises any
        raise SourceError(f"{location} cannot be read: {error or type(error).__name__}") from error


def _refuse_others(location: Location, attributes: Mapping[str, Any]) -> None:
    """Raise SourceError for a conversion that is not finished, and for groups that hold images."""
    run = attributes.get("pyramid")
    if isinstance(run, Mapping) and run.get("state") == "in progress":
        raise SourceError("its conversion is not finished: wait for it, or convert again with --overwrite")
    ome = attributes.get("ome")
    held = ome if isinstance(ome, Mapping) else attributes
    for key, hint in _HINTS.items():
        if key in held and "multiscales" not in held:
            raise SourceError(hint.format(location))


def _open_level(store: zarr.abc.store.Store, dataset: Dataset, axes: str) -> Level:
    try:
        array = zarr.open_array(store, path=dataset.path, mode="r")
    except (FileNotFoundError, zarr.errors.ArrayNotFoundError, zarr.errors.ContainsGroupError) as error:
        raise SourceError(f"level {dataset.path!r} is named in its metadata, but there is no such array") from error
    except (ValueError, TypeError, KeyError) as error:
        raise SourceError(f"level {dataset.path!r} cannot be read: {error}") from error
    if array.ndim != len(axes):
        raise SourceError(f"level {dataset.path!r} has {array.ndim} axes, and the image has {len(axes)}: {axes}")
    return Level(dataset.path, dataset.scale, dataset.translation, array)
