"""The compiled loop of decoding: it copies interleaved samples to planes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyramid.reduce.kernels.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def split_samples(  # noqa: PLR0913  (a kernel takes plain values)
    source: NDArray[Any], width: int, row_step: int, sample_step: int, lanes: tuple[int, ...], out: NDArray[Any]
) -> None:
    """Copy rows of pixels with interleaved samples, such as RGB.

    Parameters
    ----------
    source
        Samples of the pixels, row by row.
    width
        Pixels of a row.
    row_step, sample_step
        Items of `out` from a row to the next, and from a sample of a pixel to the next.
    lanes
        As many zeros as a pixel has samples. The compiler knows their number.
    out
        The samples, from the first on.
    """
    count = len(lanes)
    for y in range(source.size // (width * count)):
        row = source[y * width * count : (y + 1) * width * count]
        for sample in range(count):
            begin = y * row_step + sample * sample_step
            plane = out[begin : begin + width]
            for i in range(width):
                plane[i] = row[i * count + sample]
