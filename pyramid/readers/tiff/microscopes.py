"""Sizes, channels and places in the metadata of microscopes' own TIFFs.

Each function reads what tifffile has taken apart of one kind. A value of another form than its program writes is left
out, as if it were not there.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pyramid.model import Channel
from pyramid.readers.tiff.description import Description, is_pixel, number, positive

Facts = Mapping[str, Any]

UM = "micrometer"
# Tags of NIS-Elements that hold its XML, and what of it is read.
NIKON_XML = (65332, 65333)
_NIKON_VALUE = r'<{}\s+runtype="[^"]*"\s+value="([^"]*)"'
LSM_EPOCH = datetime.datetime(1899, 12, 30)  # of the times in LSM's scan information, in days


def micrometers(meters: object) -> float | None:
    """Return a length in micrometers, without the noise of the conversion.

    Examples
    --------
    >>> micrometers(2e-7), micrometers("no")
    (0.2, None)
    """
    length = number(meters)
    return None if length is None else float(f"{length * 1e6:.12g}")


def describe_lsm(facts: Facts) -> Description:
    """Read the information of Zeiss's LSM: lengths in meters, intervals in seconds."""
    found = Description()
    for axis in "zyx":
        found.measure(axis, micrometers(positive(facts.get(f"VoxelSize{axis.upper()}"))), UM, "LSM's voxel")
        found.place(axis, micrometers(facts.get(f"Origin{axis.upper()}")), UM)
    stamps = facts.get("TimeStamps")
    mean = float(np.diff(stamps).mean()) if isinstance(stamps, np.ndarray) and stamps.size > 1 else None
    found.measure("t", positive(facts.get("TimeIntervall")) or positive(mean), "second", "LSM's time interval")
    colors = _mapping(facts.get("ChannelColors"))
    pairs = zip(_list(colors.get("ColorNames")), _list(colors.get("Colors")), strict=False)
    found.channels = tuple(Channel(str(name) or None, _rgb(color)) for name, color in pairs)
    scan = _mapping(facts.get("ScanInformation"))
    found.tell("objective", scan.get("Objective"))
    days = positive(scan.get("Sample0time"))
    if days is not None and days < 1e5:
        found.tell("acquired", LSM_EPOCH + datetime.timedelta(days=days))
    return found


def describe_stk(facts: Facts) -> Description:
    """Read MetaMorph's tags: calibration, distances, times of planes in milliseconds."""
    found = Description()
    unit = str(facts.get("CalibrationUnits", ""))
    if facts.get("SpatialCalibration") and not is_pixel(unit):
        for axis in "yx":
            found.measure(axis, facts.get(f"{axis.upper()}Calibration"), unit, "MetaMorph's calibration")
    distances, times = _list(facts.get("ZDistance")), _list(facts.get("TimeCreated"))
    found.measure("z", positive(distances[0]) if distances else None, UM if is_pixel(unit) else unit, "its z distance")
    if len(times) > 1:
        step = (float(times[-1]) - float(times[0])) / (len(times) - 1) / 1000
        found.measure("t", positive(step), "second", "MetaMorph's times of planes")
    waves = {positive(wave) for wave in _list(facts.get("Wavelengths"))}
    if len(waves) == 1 and None not in waves:
        found.channels = (Channel(emission_nm=waves.pop()),)
    created = facts.get("DatetimeCreated")
    found.tell("acquired", facts.get("CreateTime") or (created[0] if isinstance(created, np.ndarray) else None))
    return found


def describe_fluoview(facts: Facts) -> Description:
    """Read the dimensions of Olympus FluoView's header: step, origin and unit of each."""
    found = Description()
    for dimension in facts.get("Dimensions") or ():
        name, _, origin, step, unit = (*dimension,)[:5]
        axis = str(name).strip().lower()[:1]
        if axis in ("x", "y", "z", "t") and not is_pixel(str(unit)) and positive(step):
            found.measure(axis, step, str(unit), "FluoView's step")
            found.place(axis, origin, str(unit))
    return found


def describe_scanimage(facts: Facts, description: str, extent: tuple[int, int]) -> Description:
    """Read ScanImage's settings; `extent` is the number of pixels in y and x."""
    frame = _mapping(facts.get("FrameData"))
    found = Description()
    step = frame.get("SI.hStackManager.actualStackZStepSize", frame.get("SI.hStackManager.stackZStepSize"))
    found.measure("z", positive(abs(number(step) or 0.0)), UM, "ScanImage's z step")
    rate = positive(frame.get("SI.hRoiManager.scanFrameRate"))
    period = positive(frame.get("SI.hRoiManager.scanFramePeriod")) or (1 / rate if rate else None)
    found.measure("t", period, "second", "ScanImage's frame period")
    corners = np.asarray(frame.get("SI.hRoiManager.imagingFovUm", ()), dtype=object)
    if corners.ndim == 2 and corners.shape[1] == 2:
        spans = [[number(value) or 0.0 for value in column] for column in corners.T]
        for axis, pixels, span in zip("yx", extent, reversed(spans), strict=True):
            found.measure(axis, positive((max(span) - min(span)) / pixels), UM, "ScanImage's field of view")
    names = _list(frame.get("SI.hChannels.channelName"))
    saved = [int(i) for i in np.ravel(frame.get("SI.hChannels.channelSave", ())) if str(i).isdigit()]
    if names and all(0 < i <= len(names) for i in saved):
        found.channels = tuple(Channel(str(names[i - 1])) for i in saved)
    epoch = re.search(r"epoch = \[([\d. ]+)\]", description)
    found.tell("acquired", "-".join(epoch[1].split()[:3]) + " " + ":".join(epoch[1].split()[3:]) if epoch else None)
    return found


def describe_micromanager(facts: Facts, plane: object) -> Description:
    """Read Micro-Manager's summary and display settings, and the place of a plane."""
    summary, place = _mapping(facts.get("Summary")), _mapping(plane)
    found = Description()
    size = positive(summary.get("PixelSize_um")) or positive(place.get("PixelSizeUm"))
    for axis in "yx":
        found.measure(axis, size, UM, "Micro-Manager's pixel size")
    found.measure("z", positive(abs(number(summary.get("z-step_um")) or 0.0)), UM, "Micro-Manager's z step")
    interval = positive(summary.get("Interval_ms"))
    found.measure("t", interval and interval / 1000, "second", "Micro-Manager's interval")
    for axis in "zyx":
        found.place(axis, place.get(f"{axis.upper()}PositionUm"), UM)
    colors, shown = _list(summary.get("ChColors")), _list(facts.get("DisplaySettings"))
    for i, name in enumerate(_list(summary.get("ChNames"))):
        color = f"{int(colors[i]) & 0xFFFFFF:06X}" if i < len(colors) and isinstance(colors[i], int) else None
        channel = Channel(str(name), color)
        limits = _mapping(shown[i]) if i < len(shown) else {}
        low, high = number(limits.get("Min")), number(limits.get("Max"))
        if low is not None and high is not None and low < high:
            channel = replace(channel, shown=(low, high))
        found.channels += (channel,)
    found.tell("acquired", summary.get("StartTime") or summary.get("Time"))
    return found


def describe_metaseries(facts: Facts) -> Description:
    """Read the properties of a plane of MetaXpress or MetaMorph."""
    plane = _mapping(facts.get("PlaneInfo"))
    found = Description()
    if plane.get("spatial-calibration-state"):
        for axis in "yx":
            size, unit = plane.get(f"spatial-calibration-{axis}"), str(plane.get("spatial-calibration-units", ""))
            if not is_pixel(unit):
                found.measure(axis, size, unit, "MetaSeries' calibration")
    name, wave = str(plane.get("image-name", "")).strip(), positive(plane.get("wavelength"))
    if name or wave:
        found.channels = (Channel(name or None, emission_nm=wave),)
    found.tell("acquired", plane.get("acquisition-time-local"))
    found.tell("objective", plane.get("_MagSetting_"))
    return found


def describe_nikon(xml: bytes) -> Description:
    """Read the calibration in the XML of NIS-Elements, in UTF-8 or UTF-16."""
    text = xml.replace(b"\0", b"").decode("utf-8", "replace")

    def value(name: str) -> str | None:
        match = re.search(_NIKON_VALUE.format(name), text)
        return match[1] if match else None

    found = Description()
    for axis in "yx":
        found.measure(axis, positive(value("dCalibration")), UM, "NIS-Elements' calibration")
    found.measure("z", positive(value("dZStep")), UM, "NIS-Elements' z step")
    found.tell("objective", value("wsObjectiveName") or value("sObjective"))
    return found


def describe_scope(facts: Facts) -> Description:
    """Read the size of a pixel that an electron microscope or Olympus's cell^P gives."""
    found = Description()
    scan, sem = _mapping(facts.get("Scan")), facts.get("ap_image_pixel_size") or facts.get("ap_pixel_size")
    for axis, words in (("y", "Height"), ("x", "Width")):
        meters = facts.get(f"pixelsize{axis}") or scan.get(f"Pixel{words}")
        found.measure(axis, micrometers(positive(meters)), UM, "the microscope's pixel")
        if isinstance(sem, tuple) and len(sem) == 3:
            found.measure(axis, sem[1], str(sem[2]), "the microscope's pixel")
    found.tell("acquired", facts.get("datetime"))
    found.tell("objective magnification", facts.get("magnification"))
    return found


def _mapping(value: object) -> Facts:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    if isinstance(value, np.ndarray):
        return list(value.ravel())
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else []


def _rgb(color: object) -> str | None:
    values = [int(v) for v in _list(color)[:3]]
    return "".join(f"{v:02X}" for v in values) if len(values) == 3 and all(0 <= v <= 255 for v in values) else None
