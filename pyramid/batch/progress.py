"""The progress of a batch: images, and bytes of their pixels."""

from __future__ import annotations

from dataclasses import dataclass

from pyramid.feedback.progress import Snapshot, format_bytes
from pyramid.tables import shorten

# Parts into which the progress of one image is divided on the bar.
PARTS = 1000


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """The progress of a batch, as a progress callback receives it.

    Parameters
    ----------
    done_images, failed_images, total_images
        Images that are complete, images that failed, and all of them.
    current
        The image that is under way, by its name below the folder; the oldest if there are several.
    current_share
        The sum of the shares of images under way that are done, an image counting 1.
    done_bytes
        Size in bytes of the pixels read so far.
    seconds
        Time since the batch began.
    """

    done_images: int
    failed_images: int
    total_images: int
    current: str
    current_share: float
    done_bytes: int
    seconds: float

    def snapshot(self) -> Snapshot:
        """Return the progress as displays show it.

        Examples
        --------
        >>> print(BatchProgress(12, 1, 300, "day1/b.ome.zarr", 0.5, 34_000_000, 2.0).snapshot())
        4 %, 13 of 300 images (1 failed), 34.0 MB, day1/b.ome.zarr, 17.0 MB/s, 43 s left
        """
        ended = self.done_images + self.failed_images
        failed = f" ({self.failed_images} failed)" if self.failed_images else ""
        words = [f"{ended} of {self.total_images} images{failed}", format_bytes(self.done_bytes)]
        if self.current:
            words.append(shorten(self.current))
        done = ended * PARTS
        if ended < self.total_images:  # an image whose blocks are all done still ends with its metadata
            done = min(round((ended + self.current_share) * PARTS), self.total_images * PARTS - 1)
        return Snapshot(done, self.total_images * PARTS, ", ".join(words), self.done_bytes, self.seconds)
