"""A writer of ND2: named chunks, and a map of them at the end. Metadata is XML, as version 2.1 has it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import imagecodecs
import numpy as np
from numpy.typing import NDArray

MAGIC = 0x0ABECEDA
SIGNATURE, MAP = b"ND2 FILE SIGNATURE CHUNK NAME01!", b"ND2 FILEMAP SIGNATURE NAME 0001!"
END = b"ND2 CHUNK MAP SIGNATURE 0000001!"
FRAME_NAME_BYTES = 4072  # so that pixels begin 4096 bytes after their chunk

Value: TypeAlias = "int | float | bool | str | Mapping[str, Value]"
TYPES = {int: "lx_int32", float: "double", bool: "bool", str: "CLxStringW"}


def element(name: str, value: Value) -> str:
    """An element of Nikon's XML."""
    if isinstance(value, Mapping):
        inner = "".join(element(key, each) for key, each in value.items())
        return f'<{name} runtype="CLxListVariant">{inner}</{name}>'
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'<{name} runtype="{TYPES[type(value)]}" value="{text}"/>'


def document(value: Mapping[str, Value]) -> bytes:
    """A document of Nikon's XML."""
    return f'<variant version="1.0">{element("no_name", value)}</variant>'.encode()


def chunk(name: bytes, data: bytes, name_bytes: int = 0) -> bytes:
    """A chunk, whose name is padded."""
    padded = name.ljust(name_bytes or len(name) + 20, b"\0")
    return struct.pack("<IIQ", MAGIC, len(padded), len(data)) + padded + data


def time_loop(count: int, period_ms: float) -> dict[str, Value]:
    """A loop over times."""
    return {
        "eType": 1,
        "uLoopPars": {"uiCount": count, "dStart": 0.0, "dPeriod": period_ms, "dDuration": 0.0},
    }


def place_loop(places: Sequence[tuple[str, float, float]]) -> dict[str, Value]:
    """A loop over positions of the stage: name, x and y in micrometers."""
    points: dict[str, Value] = {
        f"i{i:010}": {"dPosX": x, "dPosY": y, "dPosZ": 0.0, "dPosName": name} for i, (name, x, y) in enumerate(places)
    }
    return {"eType": 2, "uLoopPars": {"uiCount": len(places), "bUseZ": False, "Points": points}}


def depth_loop(count: int, step_um: float) -> dict[str, Value]:
    """A loop over depths."""
    return {"eType": 4, "uLoopPars": {"uiCount": count, "dZStep": step_um, "dZLow": 0.0, "dZHigh": 1.0}}


def experiment(loops: Sequence[dict[str, Value]]) -> dict[str, Value]:
    """Loops, the first around all others."""
    if not loops:
        return {}
    inner = experiment(loops[1:])
    return {**loops[0], "uiLevelCount": len(loops), **({"ppNextLevelEx": {"i0000000000": inner}} if inner else {})}


def plane(name: str, color: int) -> dict[str, Value]:
    """A channel."""
    spectra: dict[str, Value] = {"m_ExcitationSpectrum": spectrum(405.0), "m_EmissionSpectrum": spectrum(455.0)}
    return {"uiCompCount": 1, "sDescription": name, "uiColor": color, "pFluorescentProbe": spectra, "uiModalityMask": 1}


def spectrum(peak_nm: float) -> dict[str, Value]:
    """A spectrum of one line."""
    return {"uiCount": 1, "pPoint": {"Point0": {"eType": 1, "dWavelength": peak_nm, "dTValue": 1.0}}}


def write_nd2(
    path: Path,
    frames: NDArray[Any],
    loops: Sequence[dict[str, Value]],
    *,
    lossless: bool = False,
    count: int = 0,
    frame_ms: float = 1.0,
    padding_bytes: int = 0,
    packed_zeros_bytes: int = 0,
    extra: Mapping[bytes, bytes] | None = None,
) -> Path:
    """Write frames (frame, row, column, channel) that follow the loops.

    If `count` is not 0 only so many are written, and each took `frame_ms`. Rows end in `padding_bytes`, compressed
    frames in `packed_zeros_bytes`. `extra` are further chunks.
    """
    number, height, width, channels = frames.shape
    planes = {f"a{i}": plane(name, 0xFF << 8 * i) for i, name in zip(range(channels), ("DAPI", "GFP"), strict=False)}
    documents: dict[bytes, Any] = {
        b"ImageAttributes!": {
            "uiWidth": width,
            "uiHeight": height,
            "uiWidthBytes": width * channels * frames.itemsize + padding_bytes,
            "uiComp": channels,
            "uiBpcInMemory": 8 * frames.itemsize,
            "uiBpcSignificant": 8 * frames.itemsize,
            "uiSequenceCount": count or number,
            "eCompression": 0 if lossless else 2,
            "uiTileWidth": width,
            "uiTileHeight": height,
        },
        b"ImageMetadataSeq|0!": {
            "dCalibration": 0.325,
            "bCalibrated": True,
            "dObjectiveMag": 20.0,
            "dAspect": 1.0,
            "dXPos": 1000.0,
            "dYPos": 2000.0,
            "dZPos": 0.0,
            "wsObjectiveName": "Plan Apo 20x",
            "sPicturePlanes": {"uiCount": channels, "uiCompCount": channels, "sPlaneNew": planes},
        },
        b"ImageMetadata!": experiment(loops),
        b"ImageTextInfo!": {"SLxImageTextInfo": {"TextInfoItem_9": "6/5/2024  7:08:09 AM"}},
    }
    out, places = chunk(SIGNATURE, b"Ver2.1".ljust(64, b"\0"), len(SIGNATURE)), {}
    for name, value in documents.items():
        places[name] = len(out)
        out += chunk(name, document(value))
    for i, frame in enumerate(frames[: count or number]):
        name = f"ImageDataSeq|{i}!".encode()
        places[name] = len(out)
        rows = frame.reshape(height, -1).view(np.uint8)
        data = np.pad(rows, ((0, 0), (0, padding_bytes))).tobytes()
        stored = zlib.compress(data + bytes(packed_zeros_bytes)) if lossless else data
        out += chunk(name, struct.pack("<d", 1000.0 * i) + stored, FRAME_NAME_BYTES)
    places[b"CustomData|AcqTimesCache!"] = len(out)
    out += chunk(b"CustomData|AcqTimesCache!", (frame_ms * np.arange(number, dtype="<f8")).tobytes())
    for name, data in (extra or {}).items():
        places[name] = len(out)
        out += chunk(name, data)
    listed = b"".join(name + struct.pack("<QQ", place, 1) for name, place in places.items())
    map_place = len(out)
    out += chunk(MAP, listed + END + struct.pack("<Q", map_place), len(MAP))
    path.write_bytes(out)
    return path


def box(name: bytes, data: bytes) -> bytes:
    """A box of the older kind of files."""
    return struct.pack(">I4s", 8 + len(data), name) + data


def write_old_nd2(path: Path, frames: NDArray[Any], pictures: Sequence[bytes] = ()) -> Path:
    """Write a stack of frames (frame, row, column, channel), each channel as a picture of JPEG 2000.

    `pictures` are written in place of those of the channels.
    """
    number, height, width, channels = frames.shape
    planes: dict[str, Value] = {
        f"a{i}": {"OpticalConfigName": f"C{i}", "CompCount": 1, "Color": 255} for i in range(channels)
    }
    seen: dict[str, Value] = {
        "Calibration": 0.325,
        "Calibrated": True,
        "PicturePlanes": {"Count": channels, "CompCount": channels, "Plane": planes},
    }
    bits = 8 * frames.itemsize
    header = box(b"ihdr", struct.pack(">iihBB", height, width, 1, bits - 1, 7))
    encode: Any = imagecodecs.jpeg2k_encode
    planar = np.moveaxis(frames, 3, 1).reshape(-1, height, width)
    stored = pictures or [bytes(encode(each, codecformat="j2k", level=0)) for each in planar]
    depths: dict[str, Value] = {"Count": number, "ZHome": 0.0, "ZStep": 1.5, "ZLow": 0.0, "ZHigh": 1.0}
    loops = document({"Type": 4, "LoopPars": depths})
    boxes = [(b"jP  ", b"jP  ", b"\r\n\x87\n"), (b"jp2h", b"jp2h", header), (b"AIMD", b"uuid", loops)]
    boxes += [(b"LUNK", b"jp2c", data) for data in stored]
    boxes += [(name, b"uuid", document(seen)) for name in (b"VCAL", b"VIMD") for _ in range(number)]
    out, items = b"", b""
    for name, kind, data in boxes:
        items += struct.pack("<4s4sI4x", kind, name, len(out))
        out += box(kind, data)
    listed = struct.pack(">I", len(boxes)) + items
    path.write_bytes(out + listed + struct.pack("<32sQ", b"LABORATORY IMAGING ND BOX MAP 00", len(listed) + 40))
    return path
