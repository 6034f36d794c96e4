"""bioio-ome-zarr's ``OMEZarrWriter`` (nearest) on a lazy Dask array of the TIFF."""

from __future__ import annotations

from typing import Any

import dask
from bioio_ome_zarr.writers import OMEZarrWriter
from common import job, level_shapes, open_dask


def main() -> None:
    """Write one pyramid."""
    given = job()
    image, axes = open_dask(given.source, given.axes)
    options: dict[str, Any] = {"chunk_shape": given.chunks, "shard_shape": given.shards}
    if given.chunks:
        from zarr.codecs import BloscCodec

        options["compressor"] = BloscCodec(cname="lz4", clevel=5, shuffle="shuffle")
    shapes = level_shapes(image.shape, axes, given.levels or 5, given.halve)
    writer = OMEZarrWriter(
        given.target,
        shapes,
        image.dtype,
        axes_names=list(axes),
        axes_types=[{"c": "channel", "t": "time"}.get(axis, "space") for axis in axes],
        axes_units=[None] * len(axes),
        physical_pixel_size=[1.0] * len(axes),
        **options,
    )
    with dask.config.set(num_workers=given.workers):
        writer.write_full_volume(image)


if __name__ == "__main__":
    main()
