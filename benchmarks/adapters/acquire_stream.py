"""acquire-zarr: frames streamed from the TIFF through its C++ writer, with means.

It has no default chunks: a chunk of 32 x 128 x 128 is given where none are asked for. It has a codec of its own
choosing nowhere either: Blosc lz4 with byte shuffle throughout.
"""

from __future__ import annotations

import acquire_zarr as aqz
import tifffile
from common import job

KINDS = {"t": aqz.DimensionType.TIME, "c": aqz.DimensionType.CHANNEL}


def main() -> None:
    """Stream one pyramid."""
    given = job()
    with tifffile.TiffFile(given.source) as tiff:
        series = tiff.series[0]
        chunks = given.chunks or {2: (256, 256), 3: (32, 128, 128), 4: (1, 32, 128, 128)}[len(series.shape)]
        shards = given.shards or chunks
        dimensions = [
            aqz.Dimension(
                name=axis,
                kind=KINDS.get(axis, aqz.DimensionType.SPACE),
                array_size_px=size,
                chunk_size_px=min(chunk, size),
                shard_size_chunks=max(1, min(shard, size) // min(chunk, size)),
            )
            for axis, size, chunk, shard in zip(given.axes, series.shape, chunks, shards, strict=True)
        ]
        codec = aqz.CompressionSettings(
            compressor=aqz.Compressor.BLOSC1, codec=aqz.CompressionCodec.BLOSC_LZ4, level=5, shuffle=1
        )
        settings = aqz.ArraySettings(
            dimensions=dimensions,
            data_type=series.dtype,
            compression=codec,
            downsampling_method=aqz.DownsamplingMethod.MEAN,
            max_levels=(given.levels or 5) - 1,
        )
        stream = aqz.ZarrStream(
            aqz.StreamSettings(arrays=[settings], store_path=given.target, max_threads=given.workers)
        )
        for page in series.pages:
            stream.append(page.asarray())
        stream.close()


if __name__ == "__main__":
    main()
