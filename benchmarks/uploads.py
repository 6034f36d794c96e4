"""What `benchmarks.object_store` measures, once, in a process of its own: a conversion, or obstore alone.

    python -m benchmarks.uploads convert SOURCE s3://BUCKET/KEY --workers 2 --shards none
    python -m benchmarks.uploads put FOLDER s3://BUCKET/KEY --threads 64

The service is the environment's: ``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID`` and so on.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import obstore
from obstore.store import S3Store

import pyramid


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Seconds that `work` takes, and this process's CPU seconds."""
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - started_s, "cpu_s": time.process_time() - started_cpu_s}


def convert(source: str, target: str, workers: int, shards: str) -> dict[str, float]:
    """Convert once, from opening the source to the last piece of metadata; what is imported and compiled is there."""
    pyramid.convert(np.zeros((1, 8, 300, 300), "uint16"), "memory://warm/up", axes="czyx", workers=workers)
    return timed(lambda: pyramid.convert(source, target, workers=workers, shards=shards))


def put(folder: Path, target: str, threads: int) -> dict[str, float]:
    """Put the files under `folder`, which are read before, in the order of their keys."""
    bodies = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    bucket, _, prefix = target.removeprefix("s3://").partition("/")
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    allow_http = endpoint.startswith("http://")
    store = S3Store(bucket, prefix=prefix, endpoint=endpoint, client_options={"allow_http": allow_http})

    def put_all() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda key: obstore.put(store, key, bodies[key], use_multipart=False), bodies))

    return timed(put_all) | {"objects": len(bodies), "bytes": sum(map(len, bodies.values()))}


def main(arguments: list[str] | None = None) -> None:
    """Do one upload and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    converting = kinds.add_parser("convert")
    converting.add_argument("source")
    converting.add_argument("target")
    converting.add_argument("--workers", type=int, default=2)
    converting.add_argument("--shards", default="auto")
    putting = kinds.add_parser("put")
    putting.add_argument("folder", type=Path)
    putting.add_argument("target")
    putting.add_argument("--threads", type=int, default=64)
    given = parser.parse_args(arguments)
    if given.kind == "convert":
        figures = convert(given.source, given.target, given.workers, given.shards)
    else:
        figures = put(given.folder, given.target, given.threads)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
