"""ome-types as another parser of the OME-XML of real files: sizes, lengths and names of channels are equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ome_types
import tifffile

from pyramid.errors import SourceError
from pyramid.options.convert import Options
from pyramid.options.units import unit as unit_name
from pyramid.readers import open_source
from tests.support.corpus import tiffs

LEAST = 3  # files that the repository itself holds


def parsed(path: Path) -> Any:
    """The first image of a file's OME-XML as ome-types parses it; None where there is none."""
    try:
        with tifffile.TiffFile(path) as tif:
            xml = tif.ome_metadata
        return ome_types.from_xml(xml, validate=False).images[0] if xml else None
    except Exception:  # damaged files, and XML that only names another file
        return None


def compare(path: Path, image: Any) -> list[str]:
    """What differs between the image and ours."""
    spec = open_source(path, Options(series=0)).spec
    pixels = image.pixels
    sizes = {"t": pixels.size_t, "c": pixels.size_c, "z": pixels.size_z, "y": pixels.size_y, "x": pixels.size_x}
    ours = {**dict.fromkeys(sizes, 1), **dict(zip(spec.axes, spec.shape, strict=True))}
    found = [f"{axis}: {ours[axis]} is {sizes[axis]}" for axis in sizes if ours[axis] != sizes[axis]]
    for axis, size, unit in zip(spec.axes, spec.scale, spec.units, strict=True):
        said = getattr(pixels, f"physical_size_{axis}", None) if axis in "zyx" else None
        if not said or said <= 0:
            continue
        if (size, unit) != (said, unit_name(axis, getattr(pixels, f"physical_size_{axis}_unit").value)):
            found.append(f"size of {axis}: {size} {unit} is {said}")
    names = [channel.name for channel in pixels.channels]
    if any(names) and len(names) == ours["c"]:
        mine = [channel.name for channel in spec.channels]
        found += [f"names: {mine} are {names}"] if mine != names else []
    return found


def test_sizes_and_names_are_those_that_ome_types_parses() -> None:
    complaints, compared = {}, 0
    for path in tiffs():
        image = parsed(path)
        if image is None:
            continue
        try:
            differences = compare(path, image)
        except SourceError:
            continue  # refused, with a sentence, which other tests look at
        compared += 1
        if differences:
            complaints[path.name] = differences
    assert complaints == {}
    assert compared >= LEAST


def test_the_oracle_reads_what_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    metadata = {"axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "Channel": {"Name": ["a", "b"]}}
    tifffile.imwrite(path, shape=(2, 9, 8), dtype="u2", metadata=metadata)
    image = parsed(path)
    assert compare(path, image) == []
    image.pixels.physical_size_x, image.pixels.channels[1].name = 0.25, "c"
    assert compare(path, image) == (["size of x: 0.5 micrometer is 0.25", "names: ['a', 'b'] are ['a', 'c']"])
