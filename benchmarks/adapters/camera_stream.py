"""A camera: frames from memory at a rate, one at a time, into ome-pyramid, acquire-zarr or ome-writers.

It runs in the environment of its tool, and prints one line of JSON. All tools get the same chunks, shards and codec:
512 x 512 pixels of one time, 8 whole frames a shard, Blosc lz4 at level 5 with byte shuffle where it can be said.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

FRAMES = 16  # prepared before, and given again and again
CHUNK_PX, SHARD_FRAMES = 512, 8


def frames(edge: int) -> Any:
    """Frames as of a camera: a background that varies slowly, with the noise of photons."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:edge, 0:edge] / edge
    mean = 100 + 400 * np.exp(-((y - 0.5) ** 2 + (x - 0.5) ** 2) * 8)
    return np.stack([rng.poisson(mean) for _ in range(FRAMES)]).astype("uint16")


@contextmanager
def ours(target: str, count: int, edge: int, levels: int) -> Iterator[Callable[[int, Any], None]]:
    """Give the function that writes a frame by `pyramid.create`."""
    import pyramid

    chunk = min(CHUNK_PX, edge)
    handle = pyramid.create(
        target,
        (count, edge, edge),
        "uint16",
        axes="tyx",
        chunks={"t": 1, "y": chunk, "x": chunk},
        shards={"t": SHARD_FRAMES, "y": edge, "x": edge},
        **({"levels": 1} if levels == 1 else {}),
    )
    yield handle.__setitem__
    handle.finish()


@contextmanager
def acquire(target: str, count: int, edge: int, levels: int) -> Iterator[Callable[[int, Any], None]]:
    """Give the function that appends a frame to acquire-zarr's stream."""
    import acquire_zarr as aqz

    chunk = min(CHUNK_PX, edge)
    kinds = (aqz.DimensionType.TIME, aqz.DimensionType.SPACE, aqz.DimensionType.SPACE)
    edges = ((count, 1, SHARD_FRAMES), (edge, chunk, edge // chunk), (edge, chunk, edge // chunk))
    dimensions = [
        aqz.Dimension(name=name, kind=kind, array_size_px=n, chunk_size_px=c, shard_size_chunks=s)
        for name, kind, (n, c, s) in zip("tyx", kinds, edges, strict=True)
    ]
    codec = aqz.CompressionSettings(
        compressor=aqz.Compressor.BLOSC1, codec=aqz.CompressionCodec.BLOSC_LZ4, level=5, shuffle=1
    )
    more = {"downsampling_method": aqz.DownsamplingMethod.MEAN} if levels > 1 else {}
    array = aqz.ArraySettings(dimensions=dimensions, data_type=np.uint16, compression=codec, **more)
    stream = aqz.ZarrStream(aqz.StreamSettings(arrays=[array], store_path=target))
    yield lambda _, frame: stream.append(frame)
    stream.close()


@contextmanager
def ome_writers(target: str, count: int, edge: int, levels: int) -> Iterator[Callable[[int, Any], None]]:
    """Give the function that appends a frame to a stream of ome-writers, which makes one level."""
    import ome_writers as omew

    if levels > 1:
        raise SystemExit("ome-writers makes one level")
    chunk = min(CHUNK_PX, edge)
    dimensions = [
        omew.Dimension(name="t", count=count, type="time", chunk_size=1, shard_size_chunks=SHARD_FRAMES),
        *(
            omew.Dimension(name=axis, count=edge, type="space", chunk_size=chunk, shard_size_chunks=edge // chunk)
            for axis in "yx"
        ),
    ]
    settings = omew.AcquisitionSettings(
        root_path=target, dimensions=tuple(dimensions), dtype="uint16", compression="blosc-lz4"
    )
    stream = omew.create_stream(settings)
    yield lambda _, frame: stream.append(frame)
    stream.close()


TOOLS = {"ome-pyramid": ours, "acquire-zarr": acquire, "ome-writers": ome_writers}


def main() -> None:
    """Stream the frames at their rate, and print what became of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument("target")
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--edge", type=int, default=2048)
    parser.add_argument("--levels", type=int, default=1)
    given = parser.parse_args()
    pictures, count = frames(given.edge), max(1, round(given.rate * given.seconds))
    latest_s = 0.0
    with TOOLS[given.tool](given.target, count, given.edge, given.levels) as write:
        began_s = time.perf_counter()
        for number in range(count):
            wait_s = began_s + number / given.rate - time.perf_counter()
            if wait_s > 0:
                time.sleep(wait_s)
            latest_s = max(latest_s, -wait_s)
            write(number, pictures[number % FRAMES])
        streamed_s = time.perf_counter() - began_s
    total_s = time.perf_counter() - began_s
    print(
        json.dumps(
            {
                "tool": given.tool,
                "levels": given.levels,
                "frames": count,
                "wanted_s": count / given.rate,
                "streamed_s": streamed_s,
                "finished_s": total_s,
                "latest_s": latest_s,
                "streamed_per_second": count / streamed_s,
                "stored_per_second": count / total_s,
            }
        )
    )


if __name__ == "__main__":
    main()
