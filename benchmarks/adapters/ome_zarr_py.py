"""ome-zarr-py's ``write_image`` on a lazy Dask array of the TIFF."""

from __future__ import annotations

from typing import Any

import dask
from common import job, open_dask
from ome_zarr.writer import write_image


def main() -> None:
    """Write one pyramid."""
    given = job()
    image, axes = open_dask(given.source, given.axes)
    options: dict[str, Any] = {}
    if given.levels:
        options["scale_factors"] = [
            {axis: 2**level if axis in given.halve else 1 for axis in axes if axis in "zyx"}
            for level in range(1, given.levels)
        ]
    if given.chunks:
        from zarr.codecs import BloscCodec

        codec = BloscCodec(cname="lz4", clevel=5, shuffle="shuffle")
        image = image.rechunk(given.shards or given.chunks)
        options["storage_options"] = {"chunks": given.chunks, "compressors": codec}
        if given.shards:
            options["storage_options"]["shards"] = given.shards
    with dask.config.set(num_workers=given.workers):
        write_image(image, given.target, axes=axes, **options)


if __name__ == "__main__":
    main()
