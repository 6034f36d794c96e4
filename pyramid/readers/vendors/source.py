"""One image of a vendor's file as a `Source`."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import SourceError
from pyramid.model import Box, SourceSpec
from pyramid.options.convert import Options
from pyramid.readers.axes import AxisOrder, check_dtype, check_extent
from pyramid.readers.choice import choose_one
from pyramid.readers.described import describe_source
from pyramid.readers.files.file import CUT_OFF, SourceFile
from pyramid.readers.files.last_used import LastUsed
from pyramid.readers.tiff.axes import tiff_order
from pyramid.readers.vendors.formats import Format
from pyramid.readers.vendors.stored import StoredImage

logger = logging.getLogger(__name__)

# By process, as an image may hold its file open, which a child process must not share.
_images: LastUsed[tuple[int, tuple[SourceFile, ...]], Sequence[StoredImage]] = LastUsed(most=4)


@dataclass(frozen=True, slots=True)
class VendorSource:
    """An image of a vendor's file.

    It pickles as the file's address and the image's number.

    Parameters
    ----------
    spec, order
        What is known before a pixel is read, and the axis of each of the image's dimensions.
    files, format, series
        The file as it was when it was opened, and those that belong to it; its format; the number of the image in it.
    """

    spec: SourceSpec
    order: AxisOrder
    files: tuple[SourceFile, ...]
    format: Format
    series: int

    def fingerprint(self) -> dict[str, Any]:
        """Return the fingerprints of the files, and the number of the image."""
        first, *others = (file.fingerprint() for file in self.files)
        return {"file": first, "series": self.series, **({"others": others} if others else {})}

    def read(self, box: Box, out: NDArray[Any]) -> None:
        """Fill `out` with the pixels of `box`.

        Raises
        ------
        SourceError
            If the file cannot be read, or a part of it is damaged.
        """
        image, file = _find_images(self.files, self.format)[self.series], self.files[0]
        try:
            for part, view in self.order.pieces(box, out):
                image.read(file, part, view)
        except SourceError:
            raise
        except Exception as error:  # decoders raise errors of many kinds over damaged data
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            region = f"the region from {box.start} to {box.stop}"
            raise SourceError(f"{file}: {region} cannot be read: {reason}; {CUT_OFF}") from error


def open_image(files: tuple[SourceFile, ...], format_: Format, options: Options) -> VendorSource:
    """Open one image of a file (see `pyramid.readers.vendors.opener.open_vendor`)."""
    images, file = _find_images(files, format_), files[0]
    number = choose_one(images, options.series, file)
    image = images[number]
    found = image.describe()
    dtype = check_dtype(np.dtype(image.dtype))
    order, guesses = tiff_order(image.axes, image.shape, options.axes)
    logger.info("axes: %s, %s", order.axes, "as given" if options.axes else f"by the file, whose are {image.axes}")
    check_extent(order.axes, order.axes_shape)
    found.name = found.name or (image.name if len(images) > 1 else "")
    spec = describe_source(image.axes, order, found, file)
    notices = dict.fromkeys([*file.notices, *guesses, *found.notices, *spec.notices])
    chunks = tuple(map(min, order.by_axis(image.chunks), order.axes_shape))
    return VendorSource(
        replace(spec, dtype=dtype, chunks=chunks, notices=tuple(notices)), order, files, format_, number
    )


def _find_images(files: tuple[SourceFile, ...], format_: Format) -> Sequence[StoredImage]:
    return _images.find((os.getpid(), files), lambda: format_.find_images(files))
