"""OME-XML that describes images of which only a description is known."""

from __future__ import annotations

from collections.abc import Sequence

from pyramid.model import SourceSpec
from pyramid.readers.ome_metadata.schema import is_valid
from pyramid.readers.ome_metadata.tree import Element

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
# OME's names of types that NumPy calls otherwise. 64-bit integers and halves have none.
_TYPES = {
    "float32": "float",
    "float64": "double",
    "complex64": "complex",
    "complex128": "double-complex",
    "bool": "bit",
}
# OME's symbols of the units of OME-Zarr.
_UNITS = {
    **{"kilometer": "km", "meter": "m", "decimeter": "dm", "centimeter": "cm", "millimeter": "mm"},
    **{"micrometer": "µm", "nanometer": "nm", "picometer": "pm", "angstrom": "Å", "inch": "in", "foot": "ft"},
    **{"second": "s", "millisecond": "ms", "microsecond": "µs", "nanosecond": "ns", "minute": "min"},
    **{"hour": "h", "day": "d"},
}


def make_document(specs: Sequence[SourceSpec], creator: str) -> str | None:
    """Return OME-XML that describes images, in their order.

    Parameters
    ----------
    specs
        The description of each image.
    creator
        Name of the program.

    Returns
    -------
    str | None
        None if an image has a dtype that OME-XML has no word for.
    """
    root = Element("OME", "OME", {"Creator": creator})
    for number, spec in enumerate(specs):
        image = root.add("Image", {"ID": f"Image:{number}", "Name": valid_name(spec.name)})
        pixels = image.add("Pixels", {"ID": f"Pixels:{number}", "DimensionOrder": "XYZCT", **describe_pixels(spec)})
        if "Type" not in pixels.attributes:
            return None
        for index in range(int(pixels.attributes["SizeC"])):
            pixels.add("Channel", {"ID": f"Channel:{number}:{index}", **_channel(spec, index)})
        pixels.add("MetadataOnly", {})
    return HEAD + root.write()


def describe_pixels(spec: SourceSpec) -> dict[str, str]:
    """Return the attributes of ``Pixels`` that follow from an image's description.

    There is not a ``Type`` if OME-XML has no word for its dtype.

    Examples
    --------
    >>> spec = SourceSpec("yx", (20, 30), "float32", (20, 30), (None, 0.5), (None, "micrometer"))
    >>> describe_pixels(spec)["SizeX"], describe_pixels(spec)["Type"], describe_pixels(spec)["PhysicalSizeXUnit"]
    ('30', 'float', 'µm')
    """
    sizes = dict(zip(spec.axes, spec.shape, strict=True))
    found = {f"Size{axis}": str(sizes.get(axis.lower(), 1)) for axis in "XYZCT"}
    kind = _TYPES.get(spec.dtype, spec.dtype)
    if is_valid("PixelType", kind):
        found["Type"] = kind
    for axis, scale, unit in zip(spec.axes, spec.scale, spec.units, strict=True):
        symbol = _UNITS.get(unit or "")
        if scale is None or symbol is None or axis == "c":
            continue
        name = "TimeIncrement" if axis == "t" else f"PhysicalSize{axis.upper()}"
        found |= {name: repr(float(scale)), f"{name}Unit": symbol}
    return found


def valid_name(text: str) -> str:
    """Return a text without letters that XML cannot hold."""
    return "".join(letter for letter in text if letter.isprintable() and not "\ud800" <= letter <= "\udfff")


def _channel(spec: SourceSpec, index: int) -> dict[str, str]:
    found = {"SamplesPerPixel": "1"}
    if index < len(spec.channels):
        channel = spec.channels[index]
        if channel.name:
            found["Name"] = valid_name(channel.name)
        if channel.color:
            value = int(channel.color + "FF", 16)
            found["Color"] = str(value - 2**32 if value >= 2**31 else value)
        if channel.emission_nm:
            found |= {"EmissionWavelength": repr(float(channel.emission_nm)), "EmissionWavelengthUnit": "nm"}
    return found
