"""Inputs for the benchmarks: seeded, streamed to disk, and scalable down to what a test can afford.

    python -m benchmarks.data stack slide-deflate
    python -m benchmarks.data --scale 0.05 --folder DIR all

Pixels are built from one block of noise laid out again and again at other offsets, so that gigabytes cost
seconds to make, and no two neighbouring chunks are alike.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tifffile
from numpy.typing import NDArray

from benchmarks import computed

SEED = 20261122
DEFAULT_FOLDER = Path(__file__).parent / "data"
Pixels: TypeAlias = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Dataset:
    """One input.

    Parameters
    ----------
    name
        What the command line and the tables call it.
    suffix
        Ending of its file or folder.
    axes, shape, dtype
        Of the image at scale 1, in the order of the file.
    kind
        ``stack``, ``slide``, ``zarr`` or ``dask``: which peers can read it.
    write
        Writes it: path, shape, dtype.
    """

    name: str
    suffix: str
    axes: str
    shape: tuple[int, ...]
    dtype: str
    kind: str
    write: Callable[[Path, Dataset], None]

    def scaled(self, scale: float) -> Dataset:
        """Return the same at `scale` times the extent along y and x, in steps of 64 pixels, and along t and z."""
        if scale == 1:
            return self
        shape = tuple(
            max(64, round(n * scale / 64) * 64) if axis in "yx" else max(2, round(n * scale)) if axis in "tz" else n
            for axis, n in zip(self.axes, self.shape, strict=True)
        )
        return Dataset(self.name, self.suffix, self.axes, shape, self.dtype, self.kind, self.write)


def noise(shape: tuple[int, int], dtype: str, seed: int = SEED) -> Pixels:
    """Photon noise over smooth structure, of shape (y, x).

    uint16 pixels have a background of about 160 counts and blobs up to a few thousand, with Poisson noise;
    uint8 pixels are the same, fainter, and floats are not whole.
    """
    rng = np.random.default_rng(seed)
    y, x = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    waves = sum(
        np.sin(2 * np.pi * (fy * y / shape[0] + fx * x / shape[1]) + phase)
        for fy, fx, phase in zip(rng.integers(1, 9, 6), rng.integers(1, 9, 6), rng.uniform(0, 6, 6), strict=True)
    )
    peak, background = (1000, 160) if np.dtype(dtype).itemsize > 1 else (40, 10)
    expected = background + peak * np.clip(waves / 3, 0, None) ** 3
    counts: Pixels = rng.poisson(expected)
    if np.dtype(dtype).kind == "f":  # as what a deconvolution leaves: no two pixels alike
        return (counts * rng.uniform(0.9, 1.1, shape)).astype(dtype)
    return counts.clip(0, np.iinfo(dtype).max).astype(dtype)


def planes(count: int, shape: tuple[int, int], dtype: str, seed: int = SEED) -> Iterator[Pixels]:
    """Yield `count` planes of `shape` (y, x), each the same noise from another corner."""
    tile = noise((min(shape[0], 2048), min(shape[1], 2048)), dtype, seed)
    repeats = tuple(-(-n // t) for n, t in zip(shape, tile.shape, strict=True))
    rng = np.random.default_rng(seed + 1)
    for _ in range(count):
        turned = np.roll(tile, tuple(rng.integers(0, tile.shape)), axis=(0, 1))
        yield np.tile(turned, repeats)[: shape[0], : shape[1]] if repeats != (1, 1) else turned


def _count(dataset: Dataset) -> int:
    return int(np.prod(dataset.shape[:-2]))


def _write_pages(path: Path, dataset: Dataset, compression: str | None, **options: Any) -> None:
    """Write one page a plane, as OME-TIFF with pixel sizes."""
    metadata: dict[str, Any] = {"axes": dataset.axes.upper(), "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1}
    if "z" in dataset.axes:
        metadata["PhysicalSizeZ"] = 0.1 if dataset.dtype == "uint8" else 0.5
    with tifffile.TiffWriter(path, bigtiff=True, ome=True) as writer:
        writer.write(
            planes(_count(dataset), (dataset.shape[-2], dataset.shape[-1]), dataset.dtype),
            shape=dataset.shape,
            dtype=dataset.dtype,
            compression=compression,
            metadata=metadata,
            photometric="minisblack",
            **options,
        )


def write_plain(path: Path, dataset: Dataset) -> None:
    """Planar and uncompressed, one strip a page."""
    _write_pages(path, dataset, None, contiguous=True)


def write_zstd(path: Path, dataset: Dataset) -> None:
    """Planar, in zstd strips of 64 rows."""
    _write_pages(path, dataset, "zstd", rowsperstrip=64)


def write_lzw(path: Path, dataset: Dataset) -> None:
    """Planar, in LZW strips of 64 rows."""
    _write_pages(path, dataset, "lzw", rowsperstrip=64)


def write_rows(path: Path, dataset: Dataset) -> None:
    """One row a strip, deflated."""
    _write_pages(path, dataset, "zlib", rowsperstrip=1)


def _slide_tiles(dataset: Dataset, encode: Callable[[Pixels], bytes]) -> Iterator[bytes]:
    """Yield encoded tiles of 512 x 512 x 3, of which at most 64 differ: encoding each anew would take minutes."""
    edge = 512
    count = -(-dataset.shape[0] // edge) * -(-dataset.shape[1] // edge)
    gray = noise((1024, 1024), "uint8")
    rng = np.random.default_rng(SEED + 2)
    kinds = []
    for _ in range(min(64, count)):
        turned = [np.roll(gray, tuple(rng.integers(0, 1024, 2)), axis=(0, 1))[:edge, :edge] for _ in range(3)]
        kinds.append(encode(np.ascontiguousarray(255 - np.stack(turned, axis=-1) // 2)))
    for _ in range(count):
        yield kinds[rng.integers(len(kinds))]


def _write_slide(path: Path, dataset: Dataset, compression: str, encode: Callable[[Pixels], bytes]) -> None:
    photometric = "ycbcr" if compression == "jpeg" else "rgb"
    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        writer.write(
            _slide_tiles(dataset, encode),
            shape=dataset.shape,
            dtype=dataset.dtype,
            tile=(512, 512),
            photometric=photometric,
            compression=compression,
            subsampling=(1, 1) if compression == "jpeg" else None,
            resolution=(40000, 40000),
            resolutionunit="CENTIMETER",
        )


def write_slide_deflate(path: Path, dataset: Dataset) -> None:
    """RGB in deflate tiles."""
    _write_slide(path, dataset, "zlib", lambda tile: zlib.compress(tile.tobytes(), 6))


def write_slide_jpeg(path: Path, dataset: Dataset) -> None:
    """RGB in JPEG tiles, as YCbCr without subsampling."""
    from imagecodecs import jpeg8_encode  # noqa: PLC0415  (the peers' adapters read this module's names without it)

    def encode(tile: Pixels) -> bytes:
        return bytes(jpeg8_encode(tile, level=85, colorspace="rgb", outcolorspace="ycbcr", subsampling="444"))

    _write_slide(path, dataset, "jpeg", encode)


def write_zarr_planes(path: Path, dataset: Dataset) -> None:
    """Return a Zarr v3 array whose chunks are whole planes: cut against every block."""
    import zarr  # noqa: PLC0415  (only this input is a Zarr)
    from zarr.codecs import BloscCodec  # noqa: PLC0415

    array = zarr.create_array(
        path,
        shape=dataset.shape,
        dtype=dataset.dtype,
        chunks=(*(1 for _ in dataset.shape[:-2]), *dataset.shape[-2:]),
        compressors=BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"),
        dimension_names=list(dataset.axes),
    )
    pixels = planes(_count(dataset), (dataset.shape[-2], dataset.shape[-1]), dataset.dtype)
    for index, plane in zip(np.ndindex(*dataset.shape[:-2]), pixels, strict=True):
        array[index] = plane


def write_computed(path: Path, dataset: Dataset) -> None:
    """Return what a computed image is: its shape, and its blocks of one plane."""
    plane = (*(1 for _ in dataset.shape[:-2]), *dataset.shape[-2:])
    computed.write(path, computed.Computed(dataset.axes, dataset.shape, plane))


DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset("stack", ".ome.tif", "czyx", (2, 64, 2048, 2048), "uint16", "stack", write_plain),
        Dataset("stack-4g", ".ome.tif", "czyx", (8, 64, 2048, 2048), "uint16", "stack", write_plain),
        Dataset("stack-zstd", ".ome.tif", "czyx", (2, 64, 2048, 2048), "uint16", "stack", write_zstd),
        Dataset("stack-lzw", ".ome.tif", "czyx", (2, 64, 2048, 2048), "uint16", "stack", write_lzw),
        Dataset("floats", ".ome.tif", "czyx", (2, 32, 2048, 2048), "float32", "stack", write_plain),
        Dataset("slide-deflate", ".tif", "yxc", (16384, 16384, 3), "uint8", "slide", write_slide_deflate),
        Dataset("slide-jpeg", ".tif", "yxc", (16384, 16384, 3), "uint8", "slide", write_slide_jpeg),
        Dataset("slide-deflate-32k", ".tif", "yxc", (32768, 32768, 3), "uint8", "slide", write_slide_deflate),
        Dataset("slide-jpeg-32k", ".tif", "yxc", (32768, 32768, 3), "uint8", "slide", write_slide_jpeg),
        Dataset("volume", ".ome.tif", "zyx", (1024, 1024, 1024), "uint8", "stack", write_plain),
        Dataset("movie", ".ome.tif", "tyx", (500, 2048, 2048), "uint16", "stack", write_plain),
        Dataset("zarr-planes", ".zarr", "czyx", (2, 64, 2048, 2048), "uint16", "zarr", write_zarr_planes),
        Dataset("dask", ".json", "czyx", (2, 64, 2048, 2048), "uint16", "dask", write_computed),
        Dataset("rows", ".ome.tif", "yx", (20000, 20000), "uint16", "stack", write_rows),
    )
}


def make(name: str, folder: Path = DEFAULT_FOLDER, scale: float = 1.0) -> Path:
    """Write the input `name` unless it is there, and return its path.

    A file gets its name last, so that one whose writing was cut short is made again.
    """
    dataset = DATASETS[name].scaled(scale)
    label = name if scale == 1 else f"{name}@{scale:g}"
    path = folder / f"{label}{dataset.suffix}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"unfinished-{label}{dataset.suffix}"
        dataset.write(unfinished, dataset)
        unfinished.rename(path)
    return path


def main(arguments: list[str] | None = None) -> None:
    """Write the inputs that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="NAME", help=f"all, or of {', '.join(DATASETS)}")
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER)
    parser.add_argument("--scale", type=float, default=1.0, help="extent along t, z, y and x over the full one")
    given = parser.parse_args(arguments)
    for name in DATASETS if given.names == ["all"] else given.names:
        if name not in DATASETS:
            parser.error(f"there is no input {name!r}; they are {', '.join(DATASETS)}")
        path = make(name, given.folder, given.scale)
        print(f"{path}  {DATASETS[name].scaled(given.scale).shape}", flush=True)


if __name__ == "__main__":
    main()
