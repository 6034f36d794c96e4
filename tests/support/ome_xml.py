"""OME-XML as others judge it: by the schema, and as text to write into TIFFs."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import tifffile
import xmlschema
from numpy.typing import NDArray

from tests.support.paths import DATA

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
NAMES = {"o": NAMESPACE}


@functools.cache
def schema() -> xmlschema.XMLSchema:
    """OME's schema of June 2016."""
    return xmlschema.XMLSchema(str(DATA / "ome-xml" / "ome-2016-06.xsd"))


def validate_ome_xml(text: str | Path) -> None:
    """Assert that OME-XML is valid by OME's schema, with its IDs and references."""
    schema().validate(text if isinstance(text, str) else text.read_text(encoding="utf-8"))


def document(body: str, year: str = "2016-06") -> str:
    return f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/{year}">{body}</OME>'


def image(number: int, shape: tuple[int, int, int], inside: str = "", around: str = "", data: str = "") -> str:
    """An image of channels, each a plane, whose pages follow those of the images before."""
    c, y, x = shape
    sizes = f'SizeX="{x}" SizeY="{y}" SizeZ="1" SizeC="{c}" SizeT="1"'
    pixels = f'<Pixels ID="Pixels:{number}" DimensionOrder="XYZCT" Type="uint16" {sizes}>{inside}{data}</Pixels>'
    return f'<Image ID="Image:{number}" Name="image {number}">{around}{pixels}</Image>'


def write_images(path: Path, images: list[NDArray[Any]], plate: str = "", year: str = "2016-06") -> Path:
    """An OME-TIFF of images of channels, with a plate before them."""
    texts, first = [], 0
    for number, pixels in enumerate(images):
        c, y, x = pixels.shape
        data = f'<TiffData IFD="{first}" PlaneCount="{c}"/>'
        texts.append(image(number, (c, y, x), data=data))
        first += c
    xml = document(plate + "".join(texts), year).encode()
    with tifffile.TiffWriter(path) as tif:
        for page in (page for pixels in images for page in pixels):
            tif.write(page, description=xml, photometric="minisblack", metadata=None, contiguous=False)
            xml = b""
    return path


def plate(wells: dict[tuple[int, int], list[int]], name: str = "P", runs: dict[str, list[str]] | None = None) -> str:
    """A plate whose wells have fields, each an image by its number."""
    text = f'<Plate ID="Plate:0" Name="{name}" RowNamingConvention="letter" ColumnNamingConvention="number">'
    for at, ((row, column), images) in enumerate(wells.items()):
        text += f'<Well ID="Well:{at}" Row="{row}" Column="{column}">'
        for field, number in enumerate(images):
            text += f'<WellSample ID="WellSample:{at}:{field}" Index="{number}">'
            text += f'<ImageRef ID="Image:{number}"/></WellSample>'
        text += "</Well>"
    for at, (run, samples) in enumerate((runs or {}).items()):
        refs = "".join(f'<WellSampleRef ID="{sample}"/>' for sample in samples)
        text += f'<PlateAcquisition ID="PlateAcquisition:{at}" Name="{run}">{refs}</PlateAcquisition>'
    return text + "</Plate>"
