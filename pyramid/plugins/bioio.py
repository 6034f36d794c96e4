"""The reader of bioio's plug-in: OME-Zarr, N5 and .ozx by `pyramid.open`."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from bioio_base.constants import METADATA_UNPROCESSED
from bioio_base.exceptions import UnsupportedFileFormatError
from bioio_base.reader import Reader as BaseReader
from bioio_base.reader_metadata import ReaderMetadata as BaseMetadata
from bioio_base.types import DimensionProperties, DimensionProperty, PhysicalPixelSizes, ureg

from pyramid.errors import PyramidError
from pyramid.image import Collection, Image, info
from pyramid.image import open as open_image

if TYPE_CHECKING:
    import xarray

NAME = "ome-pyramid"
# Not .ome.zarr: the reader of another package for .zarr would not be asked for it first.
ENDINGS = [".zarr", ".ozx", ".n5"]


class Reader(BaseReader):  # type: ignore[misc]  # bioio has no types
    """A reader of images, and of plates, wells and series, whose images are scenes.

    Parameters
    ----------
    image
        A path or URL.
    fs_kwargs
        Options of the store, as the ``storage_options`` of `pyramid.open`.
    """

    def __init__(self, image: str | PathLike[str], fs_kwargs: Mapping[str, Any] | None = None, **_: Any) -> None:
        self._path = fspath(image)
        self._options = dict(fs_kwargs or {}) or None
        self._scene_images = _images(self._path, self._options)
        self._fs = None

    @staticmethod
    def _is_supported_image(fs: Any, path: str, **_: Any) -> bool:  # noqa: ANN401  (as bioio calls it)
        _images(path, None)
        return True

    @classmethod
    def is_supported_image(
        cls, image: str | PathLike[str], fs_kwargs: Mapping[str, Any] | None = None, **_: Any
    ) -> bool:
        """Return True if images are there; raise UnsupportedFileFormatError if not."""
        return bool(_images(fspath(image), dict(fs_kwargs or {}) or None))

    @property
    def scenes(self) -> tuple[str, ...]:
        """The paths of the images of a collection, or the name of the only image."""
        return tuple(self._scene_images)

    @property
    def resolution_levels(self) -> tuple[int, ...]:
        """The numbers of the levels of the scene."""
        return tuple(range(len(self._image.levels)))

    @property
    def _image(self) -> Image:
        return open_image(self._scene_images[self.current_scene], self._options)

    def _read_delayed(self) -> xarray.DataArray:
        import xarray  # noqa: PLC0415  (only for pixels)

        image = self._image
        axes = image.axes.upper()
        level = image.levels[self.current_resolution_level]
        names = [channel.label or f"Channel:{index}" for index, channel in enumerate(image.channels)]
        channels = level.shape[axes.index("C")] if "C" in axes else 0
        coordinates = {"C": names if len(names) == channels else [f"Channel:{i}" for i in range(channels)]}
        return xarray.DataArray(
            level.data,
            dims=list(axes),
            coords=coordinates if channels else None,
            attrs={METADATA_UNPROCESSED: image.to_dict()},
        )

    def _read_immediate(self) -> xarray.DataArray:
        return self._read_delayed().compute()

    @property
    def physical_pixel_sizes(self) -> PhysicalPixelSizes:
        """The sizes of a pixel of the level on z, y and x."""
        sizes = self._sizes()
        return PhysicalPixelSizes(*(sizes.get(axis) for axis in "ZYX"))

    @property
    def dimension_properties(self) -> DimensionProperties:
        """The kind and the unit of each axis."""
        image = self._image
        kinds = {"T": "time", "C": "channel"}
        units = dict(zip(image.axes.upper(), image.units, strict=True))
        return DimensionProperties(
            **{
                axis: DimensionProperty(
                    type=kinds.get(axis, "space") if axis in units else None,
                    unit=ureg.Unit(unit) if (unit := units.get(axis)) else None,
                )
                for axis in "TCZYX"
            }
        )

    def _sizes(self) -> dict[str, float]:
        image = self._image
        scale = image.levels[self.current_resolution_level].scale or ()
        return dict(zip(image.axes.upper(), scale, strict=False))


class ReaderMetadata(BaseMetadata):  # type: ignore[misc]
    """The endings of what is read, as bioio asks for them."""

    @staticmethod
    def get_supported_extensions() -> list[str]:
        """Return the endings."""
        return ENDINGS

    @staticmethod
    def supports_directory_images() -> bool:
        """Return True: an OME-Zarr may be a folder of any name."""
        return True

    @staticmethod
    def get_reader() -> type[Reader]:
        """Return the reader."""
        return Reader


def _images(path: str, options: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the URL of each image at a path, by name.

    Raises UnsupportedFileFormatError where there is none.
    """
    try:
        found = info(path, options, all=True)
    except PyramidError as error:
        raise UnsupportedFileFormatError(NAME, path, str(error)) from error
    if isinstance(found, Collection):
        root = found.url.rstrip("/")
        return {image.url.removeprefix(f"{root}/"): image.url for image in found.images}
    return {found.name: path}
