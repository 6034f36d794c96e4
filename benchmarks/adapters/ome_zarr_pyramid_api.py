"""ome_zarr_pyramid: a TIFF through its own lazy reader (dyna-zarr), written in one pass by TensorStore."""

from __future__ import annotations

from typing import Any

import dyna_zarr
from common import job
from ome_zarr_pyramid import Pyramid, io


def main() -> None:
    """Write one pyramid."""
    given = job()
    image = dyna_zarr.read_file(given.source)
    pyramid = Pyramid().from_array(image, axis_order=given.axes)
    options: dict[str, Any] = {}
    if given.chunks:
        from ome_zarr_pyramid.utils.compressor_config import CompressorConfig

        codec = {"cname": "lz4", "clevel": 5, "shuffle": "shuffle"}
        options["compressor"] = CompressorConfig(name="blosc", params=codec)
        options["chunk_shape"] = given.chunks
    if given.chunks and given.shards:
        options["shard_coefficients"] = tuple(
            shard // chunk for shard, chunk in zip(given.shards, given.chunks, strict=True)
        )
    if given.levels:
        factors = tuple(2 if axis in given.halve else 1 for axis in given.axes)
        pyramid = pyramid.downscale(n_layers=given.levels, scale_factor=factors)
    else:
        pyramid = pyramid.downscale()
    io.write_pyramid(pyramid, given.target, max_threads=given.workers, **options)


if __name__ == "__main__":
    main()
