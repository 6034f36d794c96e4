"""The plate that OME-XML describes."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyramid.errors import SourceError, short_repr
from pyramid.readers.plates import FilePlate, WellImage
from pyramid.readers.tiff.xml import XmlReader

# The most rows and columns, and the most images: more than instruments have.
MAX_ROWS = 10_000
MAX_IMAGES = 100_000
# The attributes of pixels that are alike in a plate.
_FORM = ("SizeX", "SizeY", "SizeZ", "SizeC", "SizeT", "Type")


def read_plate(xml: str) -> FilePlate | None:
    """Return the plate of an OME-XML; None if no image is in a well of one plate.

    Raises
    ------
    SourceError
        If its rows or columns are not numbers, or it holds too many images.

    Examples
    --------
    >>> well = '<Well Row="1" Column="2"><WellSample><ImageRef ID="Image:7"/></WellSample></Well>'
    >>> plate = read_plate(f'<OME><Plate Rows="2" Columns="3">{well}</Plate><Image ID="Image:7"/></OME>')
    >>> plate.rows, plate.images
    (('A', 'B'), (WellImage(number=0, row='B', column='3', name='0', acquisition=None),))
    """
    if "<" not in xml or "Plate" not in xml:
        return None
    reader = _PlateReader()
    reader.read(xml)
    return reader.plates[0].facts(reader.numbers, reader.forms) if len(reader.plates) == 1 else None


@dataclass
class _Sample:
    id: str
    row: int
    column: int
    image: str = ""


@dataclass
class _Plate:
    attributes: dict[str, str]
    samples: list[_Sample] = field(default_factory=list)
    acquisitions: list[str] = field(default_factory=list)
    acquisition_of: dict[str, int] = field(default_factory=dict)

    def facts(self, numbers: dict[str, int], forms: list[str]) -> FilePlate | None:
        samples = [sample for sample in self.samples if sample.image in numbers]
        if not samples:
            return None
        rows = self._names("Row", max(sample.row for sample in samples))
        columns = self._names("Column", max(sample.column for sample in samples))
        fields: dict[tuple[int, int, int | None], int] = {}
        images = []
        for sample in samples:
            acquisition = self.acquisition_of.get(sample.id)
            place = (sample.row, sample.column, acquisition)
            count = fields[place] = fields.get(place, -1) + 1
            name = f"{count}" if len(self.acquisitions) < 2 or acquisition is None else f"a{acquisition}f{count}"
            well = rows[sample.row], columns[sample.column]
            number = numbers[sample.image]
            images.append(WellImage(number, *well, name, acquisition, forms[number]))
        named = {number: name for number, name in enumerate(self.acquisitions) if self.acquisition_of}
        return FilePlate(self.attributes.get("Name", ""), rows, columns, tuple(images), named)

    def _names(self, axis: str, last: int) -> tuple[str, ...]:
        """Return the names of all rows or columns, by the plate's convention."""
        count = max(_number(self.attributes, f"{axis}s"), last + 1)
        default = "letter" if axis == "Row" else "number"
        convention = self.attributes.get(f"{axis}NamingConvention", default)
        return tuple(_letters(i) if convention == "letter" else str(i + 1) for i in range(count))


class _PlateReader(XmlReader):
    def __init__(self) -> None:
        super().__init__()
        self.plates: list[_Plate] = []
        self.numbers: dict[str, int] = {}
        self.forms: list[str] = []
        self._well = (0, 0)

    def start(self, element: str, attributes: dict[str, str]) -> None:
        around = self.path[-1] if self.path else ""
        if element == "Plate" and around == "OME":
            self.plates.append(_Plate(attributes))
        elif element == "Image" and around == "OME":
            self.numbers.setdefault(attributes.get("ID", ""), len(self.forms))
            self.forms.append("")
        elif element == "Pixels" and around == "Image" and self.forms:
            self.forms[-1] = " ".join(f"{name} {attributes.get(name, '')}" for name in _FORM)
        elif self.plates:
            self._start_in_plate(self.plates[-1], element, around, attributes)

    def _start_in_plate(self, plate: _Plate, element: str, around: str, attributes: dict[str, str]) -> None:
        if element == "Well" and around == "Plate":
            self._well = _number(attributes, "Row"), _number(attributes, "Column")
        elif element == "WellSample" and around == "Well":
            plate.samples.append(_Sample(attributes.get("ID", ""), *self._well))
            if len(plate.samples) > MAX_IMAGES:
                raise SourceError(f"its OME-XML puts over {MAX_IMAGES} images on a plate, which is not read")
        elif element == "ImageRef" and around == "WellSample":
            plate.samples[-1].image = attributes.get("ID", "")
        elif element == "PlateAcquisition" and around == "Plate":
            plate.acquisitions.append(attributes.get("Name", ""))
        elif element == "WellSampleRef" and around == "PlateAcquisition":
            plate.acquisition_of[attributes.get("ID", "")] = len(plate.acquisitions) - 1


def _number(attributes: dict[str, str], name: str) -> int:
    text = attributes.get(name, "0").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= MAX_ROWS):
        raise SourceError(f"its OME-XML says {name}={short_repr(text)} of a plate, which is not a number of rows")
    return int(text)


def _letters(number: int) -> str:
    """Return the name of a row by letters.

    Examples
    --------
    >>> _letters(0), _letters(25), _letters(26), _letters(31)
    ('A', 'Z', 'AA', 'AF')
    """
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
