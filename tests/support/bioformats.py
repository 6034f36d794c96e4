"""Bio-Formats, in a process of its own: what it reads in a file, and files that it writes.

Run as ``python -m tests.support.bioformats JAR``, with a list of jobs on its standard input. `run_jobs` does that.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.paths import ROOT

JAR = ROOT / "build" / "bioformats" / "bioformats" / "jars" / "bioformats_package.jar"
TYPES = {"float": "float32", "double": "float64"}  # NumPy's names of its types of pixels, where they differ


@dataclass(frozen=True)
class Job:
    """Read `source`, or write it to `target` with options of its converter.

    Pixels are stored in `pixels`, a folder, if it is not empty: one file for each image, in the order tczyx.
    """

    source: str
    target: str = ""
    options: tuple[str, ...] = ()
    pixels: str = ""


@dataclass(frozen=True)
class Read:
    """An image as Bio-Formats reads it: sizes in the order tczyx, samples of a pixel being channels."""

    shape: tuple[int, ...]
    dtype: str
    samples: int
    names: tuple[str | None, ...]
    levels: int


def run_jobs(jobs: Sequence[Job], jar: Path = JAR) -> list[list[Read] | str]:
    """The images of each job's file, empty for one that writes, or the error of Bio-Formats."""
    if not jar.exists():
        raise FileNotFoundError(f"{jar} is not there: make test-services brings it")
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.bioformats", str(jar)],
        input=json.dumps([asdict(job) for job in jobs]),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise RuntimeError(run.stderr[-2000:])
    answers = json.loads(run.stdout.splitlines()[-1])
    return [answer if isinstance(answer, str) else [_image(each) for each in answer] for answer in answers]


def _image(values: dict[str, Any]) -> Read:
    return Read(tuple(values["shape"]), values["dtype"], values["samples"], tuple(values["names"]), values["levels"])


def _read(formats: Any, job: Job) -> list[dict[str, Any]]:
    """Images of a file, and their pixels in a folder."""
    service = formats.services.OMEXMLServiceImpl()
    store = service.createOMEXMLMetadata()
    reader = formats.ImageReader()
    reader.setFlattenedResolutions(False)
    reader.setMetadataStore(store)
    try:
        reader.setId(job.source)
        found = []
        for series in range(reader.getSeriesCount()):
            reader.setSeries(series)
            found.append(_describe(formats, reader, store, series))
            if job.pixels:
                Path(job.pixels).mkdir(parents=True, exist_ok=True)
                np.save(Path(job.pixels) / f"{series}.npy", _pixels(reader, found[-1]))
        return found
    finally:
        reader.close()


def _describe(formats: Any, reader: Any, store: Any, series: int) -> dict[str, Any]:
    kind = str(formats.FormatTools.getPixelTypeString(reader.getPixelType()))
    sizes = [int(getattr(reader, f"getSize{axis}")()) for axis in "TCZYX"]
    names = [store.getChannelName(series, channel) for channel in range(store.getChannelCount(series))]
    return {
        "shape": sizes,
        "dtype": TYPES.get(kind, kind),
        "samples": int(reader.getRGBChannelCount()),
        "names": [None if name is None else str(name) for name in names],
        "levels": int(reader.getResolutionCount()),
    }


def _pixels(reader: Any, image: dict[str, Any]) -> NDArray[Any]:
    times, channels, depths, rows, columns = image["shape"]
    samples = image["samples"]
    dtype = np.dtype(image["dtype"]).newbyteorder("<" if reader.isLittleEndian() else ">")
    out = np.empty((times, channels // samples, samples, depths, rows, columns), image["dtype"])
    for number in range(reader.getImageCount()):
        z, c, t = (int(index) for index in reader.getZCTCoords(number))
        data = np.frombuffer(bytes(reader.openBytes(number)), dtype)
        shape = (rows, columns, samples) if reader.isInterleaved() else (samples, rows, columns)
        plane = data.reshape(shape)
        out[t, c, :, z] = np.moveaxis(plane, -1, 0) if reader.isInterleaved() else plane
    return out.reshape(times, channels, depths, rows, columns)


def _do(formats: Any, job: Job) -> list[dict[str, Any]] | str:
    import jpype

    try:
        if not job.target:
            return _read(formats, job)
        words = ["-overwrite", *job.options, job.source, job.target]
        done = formats.tools.ImageConverter().testConvert(formats.ImageWriter(), words)
        return [] if done else "it was not converted"
    except jpype.JException as error:
        return f"{error.getClass().getSimpleName()}: {error.getMessage()}"


def main() -> None:
    """Do the jobs of the standard input, and print an answer for each as one line of JSON."""
    import jpype

    jpype.startJVM("-Djava.awt.headless=true", "-Xmx1g", classpath=[sys.argv[1]])
    jpype.JPackage("loci").common.DebugTools.setRootLevel("OFF")
    formats = jpype.JPackage("loci").formats
    jobs = [Job(**{**job, "options": tuple(job["options"])}) for job in json.load(sys.stdin)]
    answers = [_do(formats, job) for job in jobs]
    sys.stdout.write(f"\n{json.dumps(answers)}\n")


if __name__ == "__main__":
    main()
