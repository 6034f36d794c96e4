"""Words for the parts of OME-XML that OME-Zarr has no place for."""

from __future__ import annotations

from collections.abc import Mapping

RELATIVE = "reference frame"  # the unit of a place that is not a length: OME's default
MAX_NAME = 40  # characters of a name from the file

# Elements whose children are looked at: the others are named as a whole.
_PARENTS = frozenset(["OME", "Image", "Pixels", "Channel", "LightPath", "Plane", "StructuredAnnotations"])
# Elements that are looked into, and those that are read.
_READ = _PARENTS | {"BinaryOnly", "TiffData", "UUID"}
# Words for elements that users know by another name.
_WORDS = {
    "ROI": "regions of interest",
    "Plate": "a plate and its wells",
    "StageLabel": "a stage position",
    "Instrument": "the instrument",
    "AcquisitionDate": "the date of acquisition",
    "Description": "a description",
    "Experimenter": "the experimenter",
    "ObjectiveSettings": "the objective's settings",
    "DetectorSettings": "the detector's settings",
    "LightSourceSettings": "the light source's settings",
    "ImagingEnvironment": "the environment (temperature, gases)",
}
# Attributes that are read, or that say how planes are stored.
_READ_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "Image": frozenset(["ID", "Name", "DefaultPixels", "AcquiredPixels"]),
    "Pixels": frozenset(
        ["ID", "DimensionOrder", "Type", "PixelType", "BigEndian", "Interleaved", "SignificantBits", "TimeIncrement"]
        + [f"{key}{axis}" for key in ("Size", "PhysicalSize") for axis in "XYZCT"]
    ),
    "Channel": frozenset(["ID", "Name", "Color", "SamplesPerPixel"]),
    "Plane": frozenset(["ID", "TheZ", "TheC", "TheT", "HashSHA1"]),
}
# Words for attributes, one for several where they say one thing.
_ATTRIBUTE_WORDS = {
    "PositionX": "stage positions of planes after the first",
    "PositionY": "stage positions of planes after the first",
    "PositionZ": "stage positions of planes after the first",
    "DeltaT": "times of planes (DeltaT)",
    "ExposureTime": "exposure times of planes",
    "EmissionWavelength": "wavelengths of channels",
    "ExcitationWavelength": "wavelengths of channels",
    "CreationDate": "the date of acquisition",
}


def lost_element(element: str, parent: str, attributes: Mapping[str, str]) -> str:
    """Return words for an element that is lost with all that it holds.

    The text is empty for any other element.

    Parameters
    ----------
    element, parent
        Names of the element and of the one around it.
    attributes
        Of the element.

    Examples
    --------
    >>> lost_element("AcquisitionDate", "Image", {}), lost_element("InstrumentRef", "Image", {})
    ('the date of acquisition', '')
    """
    if parent not in _PARENTS or element in _READ or element.endswith("Ref"):
        return ""
    if element.endswith("Annotation"):
        return "" if attributes.get("Namespace", "").endswith("modulo") else "annotations"
    return _WORDS.get(element, element[:MAX_NAME])


def lost_attributes(element: str, attributes: Mapping[str, str]) -> list[str]:
    """Return words for the attributes of an element that are lost.

    Examples
    --------
    >>> lost_attributes("Channel", {"Name": "DAPI", "EmissionWavelength": "461", "EmissionWavelengthUnit": "nm"})
    ['wavelengths of channels']
    """
    known = _READ_ATTRIBUTES.get(element)
    if known is None:
        return []
    if element == "Plane":
        known |= _carried_of_plane(attributes)
    lost = [name for name in attributes if name not in known and not name.endswith("Unit") and " " not in name]
    return [_ATTRIBUTE_WORDS.get(name, f"{name[:MAX_NAME]} ({element})") for name in lost]


def _carried_of_plane(attributes: Mapping[str, str]) -> frozenset[str]:
    """Return the attributes of a plane that are read: the place of the first.

    A place in no unit of length is not.
    """
    is_first = all(attributes.get(f"The{axis}") == "0" for axis in "ZCT")
    keys = [f"Position{axis}" for axis in "XYZ"]
    return frozenset(key for key in keys if is_first and attributes.get(f"{key}Unit", RELATIVE) != RELATIVE)
