"""zarr-python through s3fs: level 0 alone, of pixels that are in memory, as many requests under way as ours has."""

from __future__ import annotations

import json
import time

import numpy as np
import zarr
from common import job, open_zarr_view
from zarr.codecs import BloscCodec

REQUESTS = 32  # a thread


def main() -> None:
    """Write one array to the S3 URL that the target is, as the environment says how; print what it took."""
    given = job()
    pixels = np.asarray(open_zarr_view(given.source)[:])
    options = {} if given.shards is None else {"shards": given.shards}
    settings = {"async.concurrency": REQUESTS * given.workers, "threading.max_workers": given.workers}
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    with zarr.config.set(settings):
        array = zarr.create_array(
            given.target,
            shape=pixels.shape,
            dtype=pixels.dtype,
            chunks=given.chunks or "auto",
            compressors=BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"),
            **options,
        )
        array[...] = pixels
    seconds, cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
    print(json.dumps({"seconds": seconds, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main()
