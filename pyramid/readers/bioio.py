"""Files that bioio reads, by whichever of its readers are installed.

It is asked last, after the readers of this package. Its readers have licences of their own, some of them the GPL, so
that a user installs them.
"""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyramid.errors import SourceError, explaining
from pyramid.readers.files.file import LocalFile, local_file
from pyramid.readers.files.last_used import LastUsed
from pyramid.readers.inside import split_inside
from pyramid.readers.paths import local_path
from pyramid.readers.recognition import recognized_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyramid.model import Box, Channel, SourceSpec
    from pyramid.options.convert import Options
    from pyramid.readers.axes import AxisOrder
    from pyramid.readers.tiff.description import Description

# What files of an ending are, and the package with the reader of them.
FORMATS = {
    ".dv": ("DeltaVision", "bioio-dv"),
    ".r3d": ("DeltaVision", "bioio-dv"),
    ".emd": ("EMD of Velox", "bioio-emd"),
    ".ics": ("ICS", "bioio-bioformats"),
    ".lei": ("LEI of Leica", "bioio-bioformats"),
    ".lof": ("LOF of Leica", "bioio-bioformats"),
    ".mvd2": ("MVD2 of Volocity", "bioio-bioformats"),
    ".oib": ("OIB of Olympus", "bioio-bioformats"),
    ".oif": ("OIF of Olympus", "bioio-bioformats"),
    ".oir": ("OIR of Olympus", "bioio-bioformats"),
    ".sld": ("SlideBook", "bioio-bioformats"),
    ".sldy": ("SlideBook", "bioio-sldy"),
    ".vsi": ("VSI of Olympus", "bioio-vsi"),
    ".xlef": ("XLEF of Leica", "bioio-bioformats"),
    ".zvi": ("ZVI of Zeiss", "bioio-bioformats"),
}
KEPT = "yx"  # axes that are kept even if they have one pixel

_images: LastUsed[tuple[int, LocalFile, int], Any] = LastUsed(most=4)


def _is_installed() -> bool:
    return find_spec("bioio") is not None


@recognized_by(lambda name, _start: name.endswith(tuple(FORMATS)) and _is_installed())
def open_bioio(source: object, options: Options) -> BioioSource | None:
    """Open an image of a local file that a reader of bioio takes.

    Returns
    -------
    BioioSource | None
        None for anything else.

    Raises
    ------
    SourceError
        If it cannot be read, holds several scenes of which none is chosen, or is of a known format whose reader is not
        installed.
    """
    found, inside = split_inside(source)
    path = local_path(found)
    if path is None or inside is not None or not path.is_file():
        return None
    name, package = FORMATS.get(path.suffix.lower(), ("", ""))
    if not (path.suffix and _is_installed() and _reader_of(path)):
        if not name:
            return None
        raise SourceError(
            f"{path} is {name}, which a reader of bioio reads; install it with pip install bioio {package}, or save "
            "the image as OME-TIFF, as Fiji does, and convert that"
        )
    with explaining(SourceError, f"{path} cannot be read by bioio"):
        return _open(local_file(path), options)


open_bioio.priority = -20  # type: ignore[attr-defined]  # after all that read a file themselves


def _reader_of(path: Path) -> Any:  # noqa: ANN401  (bioio is optional)
    """Return the class that reads a file; None if no installed one does."""
    from bioio import BioImage  # noqa: PLC0415  (an optional library, which takes seconds)
    from bioio_base.exceptions import UnsupportedFileFormatError  # noqa: PLC0415

    try:
        return BioImage.determine_plugin(str(path)).metadata.get_reader()
    except UnsupportedFileFormatError:
        return None


@dataclass(frozen=True, slots=True)
class BioioSource:
    """A scene of a file that bioio reads.

    It pickles as the file's address and its number.

    Parameters
    ----------
    spec, order
        What is known before a pixel is read, and the axis of each of bioio's dimensions.
    file, scene
        The file as it was when it was opened, and the number of the scene.
    """

    spec: SourceSpec
    order: AxisOrder
    file: LocalFile
    scene: int

    def fingerprint(self) -> dict[str, Any]:
        """Return the fingerprint of the file, and the number of the scene."""
        return {"file": self.file.fingerprint(), "series": self.scene}

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`.

        Raises
        ------
        SourceError
            If the reader fails.
        """
        self.file.open().close()  # raises if the file has changed
        with explaining(SourceError, f"{self.file}: the region from {box.start} to {box.stop} cannot be read by bioio"):
            pixels = _scene(self.file, self.scene).dask_data
            for part, view in self.order.pieces(box, out):
                view[...] = pixels[part.slices].compute(scheduler="synchronous")


@dataclass(frozen=True, slots=True)
class _Scene:
    """A scene as a list of images shows it."""

    name: str
    axes: str
    shape: tuple[int, ...]
    dtype: Any


def _scene(file: LocalFile, number: int) -> Any:  # noqa: ANN401
    """Return an image of bioio with a scene chosen, which is kept."""
    return _images.find((os.getpid(), file, number), lambda: _load_scene(file, number))


def _load_scene(file: LocalFile, number: int) -> Any:  # noqa: ANN401
    from bioio import BioImage  # noqa: PLC0415  (as above)

    reader = _reader_of(Path(file.path))
    by_plane = {"chunk_dims": ["Y", "X"]} if "chunk_dims" in inspect.signature(reader.__init__).parameters else {}
    image = BioImage(file.path, reader=reader, **by_plane)
    image.set_scene(number)
    _ = image.dask_data  # made here, and not by several threads at once
    return image


def _open(file: LocalFile, options: Options) -> BioioSource:
    from pyramid.readers.axes import AxisOrder, check_dtype, check_extent  # noqa: PLC0415  (NumPy, for such files only)
    from pyramid.readers.choice import choose_one  # noqa: PLC0415
    from pyramid.readers.described import describe_source  # noqa: PLC0415
    from pyramid.readers.tiff.axes import tiff_order  # noqa: PLC0415

    number = choose_one(_list_scenes(file, options), options.series, file)
    image = _scene(file, number)
    axes, shape = str(image.dims.order), tuple(map(int, image.shape))
    order, guesses = tiff_order(axes, shape, options.axes)
    if options.axes is None:
        known = zip(order.letters, shape, strict=True)
        order = AxisOrder(tuple(letter if n > 1 or letter in KEPT else "" for letter, n in known), shape)
    check_extent(order.axes, order.axes_shape)
    found = _describe(image, axes, shape)
    found.name = str(image.current_scene) if len(image.scenes) > 1 else ""
    spec = describe_source(axes, order, found, file)
    chunks = order.by_axis([max(sizes) for sizes in image.dask_data.chunks])
    notices = (f"it is read by bioio, with {type(image.reader).__module__.partition('.')[0]}", *guesses, *spec.notices)
    dtype = check_dtype(image.dtype)
    return BioioSource(replace(spec, dtype=dtype, chunks=chunks, notices=notices), order, file, number)


def _list_scenes(file: LocalFile, options: Options) -> list[_Scene]:
    """Return the scenes of a file, with shapes only if the user has to choose one."""
    first = _scene(file, 0)
    names = list(map(str, first.scenes))
    if len(names) == 1 or options.series is not None:
        return [_Scene(name, first.dims.order, tuple(first.shape), first.dtype) for name in names]
    images = [_scene(file, number) for number in range(len(names))]
    return [_Scene(n, i.dims.order, tuple(i.shape), i.dtype) for n, i in zip(names, images, strict=True)]


def _describe(image: Any, axes: str, shape: tuple[int, ...]) -> Description:  # noqa: ANN401
    from pyramid.readers.tiff.description import Description, positive  # noqa: PLC0415  (as above)

    found = Description()
    units, sizes = image.dimension_properties, image.physical_pixel_sizes
    for axis in "zyx":
        unit = getattr(getattr(units, axis.upper(), None), "unit", None)
        size = positive(getattr(sizes, axis.upper()))
        if dict(zip(axes, shape, strict=True)).get(axis.upper(), 1) > 1 or axis != "z":
            found.measure(axis, size, str(unit or "micrometer"), "the size that bioio gives")
    interval = image.time_interval
    seconds = interval.total_seconds() if hasattr(interval, "total_seconds") else interval
    found.measure("t", positive(seconds), "second", "the interval that bioio gives")
    found.channels = _channels(image)
    return found


def _channels(image: Any) -> tuple[Channel, ...]:  # noqa: ANN401
    from pyramid.model import Channel  # noqa: PLC0415  (as above)

    return tuple(Channel(str(name)) for name in image.channel_names or ())
