"""Bio-Formats as another reader of the same files, and as a writer of OME-TIFF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import pyramid
from pyramid.errors import SourceError
from pyramid.model import SourceSpec, own_levels_of
from pyramid.options.convert import Options
from pyramid.readers import open_source
from tests.support.bioformats import Job, Read, run_jobs
from tests.support.corpus import tiffs
from tests.support.stores import read_level

SIZES = "sizeX=200&sizeY=150&sizeZ=3&sizeC=2&sizeT=2&pixelType=uint16"
# Names of fake inputs, names of the files that are written, and options of the converter.
WRITTEN = {
    "pyramid": (
        "pyramid&sizeX=1024&sizeY=768&sizeC=2&pixelType=uint16.fake",
        "a.ome.tiff",
        "-noflat -pyramid-resolutions 3 -pyramid-scale 2",
    ),
    "series": (f"series&series=3&{SIZES}.fake", "a.ome.tiff", ""),
    "files by depth": (f"files&{SIZES}.fake", "a_z%z.ome.tiff", ""),
    "files by series and channel": (f"files&series=2&{SIZES}.fake", "a_s%s_c%c.ome.tiff", ""),
    "plate": (
        "plate&plates=1&plateRows=2&plateCols=2&fields=2&plateAcqs=1&sizeX=64&sizeY=48&sizeC=2.fake",
        "a.ome.tiff",
        "",
    ),
    "colours": ("colours&sizeX=200&sizeY=150&sizeC=3&rgb=3.fake", "a.ome.tiff", ""),
    "floats": ("floats&sizeX=64&sizeY=48&sizeZ=2&pixelType=float.fake", "a.ome.tiff", ""),
    "big-endian": ("big&sizeX=64&sizeY=48&pixelType=int32&little=false.fake", "a.ome.tiff", ""),
    "compressed": (f"lzw&{SIZES}.fake", "a.ome.tiff", "-compression LZW"),
    "tiles of JPEG 2000": (f"j2k&{SIZES}.fake", "a.ome.tiff", "-compression JPEG-2000 -tilex 64 -tiley 64"),
    "BigTIFF": (f"bigtiff&{SIZES}.fake", "a.ome.btf", ""),
}

# Types that Bio-Formats has no word for, and what it makes of them.
WIDENED = {"bool": "uint8", "float16": "float32"}
# Pages without a description: Bio-Formats takes them for times, and here they are depths, which a notice says.
PAGES = {
    *("seq-1c-8b-multipage-adeefdcc.tiff", "multipage.tif", "multipage_rgb.tif", "D75_08b_3page.tiff"),
}
# Files of another shape, with the reason.
SHAPED_OTHERWISE = {"subsubifds.tif": "pages below a page, of its own shape, are further pages for tifffile"}
# Real files that only one of the two reads, with the reason.
ONLY_OURS = {
    "usda_naip_256_webp_z3.tif": "WebP",
    "gradient-1c-64b.tiff": "integers of 64 bits",
    "gradient-3c-64b.tiff": "integers of 64 bits",
}
ONLY_THEIRS = {
    "sample-get-lzw-stuck.tiff": "a strip is cut off",
    "dscf0013.tif": "YCbCr whose chroma has fewer pixels, without JPEG",
    "ycbcr-cat.tif": "YCbCr whose chroma has fewer pixels, without JPEG",
    "text.tif": "ThunderScan",
}
LEAST = 120  # files that the repository itself holds, and that both read


def differences(spec: SourceSpec, image: Read, name: str) -> list[str]:
    """What Bio-Formats reads of an image otherwise."""
    extents = dict(zip(spec.axes, spec.shape, strict=True))
    shape = tuple(extents.get(axis, 1) for axis in "tczyx")
    if name in PAGES:
        shape = (shape[2], shape[1], shape[0], *shape[3:])
    names = tuple(channel.name for channel in spec.channels)
    found = [f"shape {shape} is {image.shape}"] if shape != image.shape and name not in SHAPED_OTHERWISE else []
    found += [f"{spec.dtype} is {image.dtype}"] if WIDENED.get(spec.dtype, spec.dtype) != image.dtype else []
    return found + ([f"names {names} are {image.names}"] if any(image.names) and names != image.names else [])


def compare(path: Path, answer: list[Read] | str) -> list[str]:
    """What differs between a file's first image here and there; what both refuse does not."""
    try:
        spec = open_source(path, Options(series=0)).spec
    except SourceError as error:
        return [f"refused: {error}"] if not isinstance(answer, str) and path.name not in ONLY_THEIRS else []
    if isinstance(answer, str):
        return [] if path.name in ONLY_OURS else [f"Bio-Formats: {answer}"]
    return differences(spec, answer[0], path.name)


def test_real_files_have_the_sizes_types_and_names_that_bio_formats_reads() -> None:
    paths = list(tiffs())
    answers = run_jobs([Job(str(path)) for path in paths])
    found = {str(path): compare(path, answer) for path, answer in zip(paths, answers, strict=True)}
    assert {path: what for path, what in found.items() if what} == {}
    assert sum(not isinstance(answer, str) for answer in answers) >= LEAST


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[Read], Path]]:
    """The first file of each, its images, and the folder of their pixels as Bio-Formats reads them."""
    base = tmp_path_factory.mktemp("fake")
    jobs = []
    for number, (fake, target, options) in enumerate(WRITTEN.values()):
        folder = base / str(number)
        folder.mkdir()
        (folder / fake).touch()
        jobs.append(Job(str(folder / fake), str(folder / target), tuple(options.split())))
    assert run_jobs(jobs) == [[]] * len(jobs)
    firsts = [sorted((base / str(number)).glob("a*.ome.*"))[0] for number in range(len(jobs))]
    pixels = [base / f"pixels{number}" for number in range(len(jobs))]
    read = run_jobs([Job(str(first), pixels=str(folder)) for first, folder in zip(firsts, pixels, strict=True)])
    images = [answer for answer in read if not isinstance(answer, str)]
    assert len(images) == len(jobs), read
    return dict(zip(WRITTEN, zip(firsts, images, pixels, strict=True), strict=True))


@pytest.mark.parametrize("name", WRITTEN)
def test_what_bio_formats_writes_converts_as_it_reads_it(
    name: str, written: dict[str, tuple[Path, list[Read], Path]], tmp_path: Path
) -> None:
    path, images, pixels = written[name]
    for number, image in enumerate(images):
        expected: NDArray[Any] = np.load(pixels / f"{number}.npy")
        made = pyramid.convert(path, tmp_path / f"{number}.zarr", series=number, levels=2)
        level = read_level(tmp_path / f"{number}.zarr", 0)
        extents = dict(zip(made.axes, level.shape, strict=True))
        np.testing.assert_array_equal(level.reshape([extents.get(axis, 1) for axis in "tczyx"]), expected)
        assert level.dtype.name == image.dtype
    assert len(images) == {"series": 3, "files by series and channel": 2, "plate": 8}.get(name, 1)


def test_its_own_levels_are_found(written: dict[str, tuple[Path, list[Read], Path]]) -> None:
    path, (image,), _ = written["pyramid"]
    levels = own_levels_of(open_source(path, Options(level_source="reuse")))
    assert len(levels) + 1 == image.levels == 3
    assert [level.spec.shape[1:] for level in levels] == [(384, 512), (192, 256)]
