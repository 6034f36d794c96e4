"""TIFFs of microscopes, laid out by their public descriptions. Each function returns the pixels that it wrote."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from tests.support.tiff_kinds.raw import LONG, RATIONAL, SHORT, UNDEFINED, Tags, number, plane_tags, text, write


def pixels(*shape: int, dtype: str = "uint16") -> NDArray[Any]:
    """Noise that is the same in every run."""
    return np.random.default_rng(7).integers(0, 200, shape).astype(dtype)


def lsm(path: Path, *, times: int = 2, depth: int = 3) -> NDArray[Any]:
    """Zeiss LSM 5: a time series of stacks, each plane followed by its thumbnail."""
    image = pixels(times, depth, 40, 50, dtype="uint8")
    info = np.zeros(1, [(name or f"r{i}", kind) for i, (name, kind) in enumerate(tifffile.TIFF.CZ_LSMINFO)])
    info["MagicNumber"], info["StructureSize"] = 67127628, info.nbytes
    info["DimensionX"], info["DimensionY"], info["DimensionZ"] = 50, 40, depth
    info["DimensionChannels"], info["DimensionTime"], info["DataType"] = 1, times, 1
    info["VoxelSizeX"], info["VoxelSizeY"], info["VoxelSizeZ"] = 2e-7, 3e-7, 1e-6
    info["OriginX"], info["OriginY"], info["OriginZ"] = 1e-5, 2e-5, 0
    info["ScanType"], info["TimeIntervall"] = 6, 1.5
    pages: list[tuple[Tags, NDArray[Any]]] = []
    for plane in image.reshape(-1, 40, 50):
        tags = {254: number(0), **plane_tags((40, 50), "uint8")}
        if not pages:
            tags[34412] = (1, info.nbytes, info.tobytes())
        pages.append((tags, plane))
        pages.append(({254: number(1), **plane_tags((8, 10), "uint8")}, plane[::5, ::5]))
    write(path, pages)
    return image


def stk(path: Path, *, depth: int = 4) -> NDArray[Any]:
    """MetaMorph STK: one directory, whose strip is followed by those of all planes."""
    image = pixels(depth, 40, 50)
    planes = b"".join(struct.pack("<6I", 5, 2, 2459581, 1000 * i, 2459581, 1000 * i) for i in range(depth))
    where = 4096  # where the values are that UIC1 points at
    uic1 = struct.pack("<12I", 4, where, 5, where + 8, 6, where + 16, 3, 1, 7, where + 32, 16, where + 48)
    tags = plane_tags((40, 50), "uint16")
    tags |= {
        33628: (LONG, 6, uic1),
        33629: (RATIONAL, depth, planes),
        33630: (RATIONAL, depth, struct.pack("<2I", 461, 1) * depth),
    }
    write(path, [(tags, image)])
    found = bytearray(path.read_bytes())
    at = len(found)
    values = struct.pack("<2I2I", 13, 100, 26, 100) + struct.pack("<I", 3) + b"um\0".ljust(12, b"\0")
    values += struct.pack("<I", 6) + b"cells\0".ljust(12, b"\0") + struct.pack("<2I", 2459581, 36_000_000)
    begin = found.index(uic1)
    moved = [n if n < where else n - where + at for n in struct.unpack("<12I", uic1)]
    struct.pack_into("<12I", found, begin, *moved)
    path.write_bytes(found + values)
    return image


def fluoview(path: Path) -> NDArray[Any]:
    """Olympus FluoView 3: the dimensions are in the tag MM_HEAD."""
    image = pixels(2, 3, 40, 50)
    head = np.zeros(1, tifffile.TIFF.MM_HEADER)
    head["HeaderFlag"], head["ImageName"] = 0, b"cells"
    sizes = ((b"X", 50, 5.0, 0.25), (b"Y", 40, 7.0, 0.5), (b"Z", 3, 0.0, 1.5), (b"Ch", 2, 0.0, 1.0))
    for i, (name, size, origin, step) in enumerate(sizes):
        head["Dimensions"][0, i] = (name, size, origin, step, b"" if name == b"Ch" else b"um")
    pages: list[tuple[Tags, NDArray[Any]]] = []
    for plane in image.reshape(-1, 40, 50):
        tags = plane_tags((40, 50), "uint16") | {34362: (12, 8, struct.pack("<8d", *range(8)))}
        if not pages:
            tags[34361] = (1, head.nbytes, head.tobytes())
        pages.append((tags, plane))
    write(path, pages)
    return image


def scanimage(path: Path) -> NDArray[Any]:
    """ScanImage 2016 and later: a BigTIFF with its settings after the header."""
    image = pixels(3, 4, 2, 40, 50, dtype="int16")
    settings = "\n".join(
        [
            "SI.hChannels.channelSave = [1;2]",
            "SI.hChannels.channelName = {'Green' 'Red'}",
            "SI.hStackManager.framesPerSlice = 4",
            "SI.hStackManager.actualStackZStepSize = 2.5",
            "SI.hRoiManager.scanFramePeriod = 0.033",
            "SI.VERSION_MAJOR = '2020'",
        ]
    )
    with tifffile.TiffWriter(path, bigtiff=True) as tif:
        for number_, plane in enumerate(image.reshape(-1, 40, 50)):
            said = f"frameNumbers = {number_}\nepoch = [2020 1 2 10 11 12.5]\n"
            tif.write(plane, contiguous=False, metadata=None, description=said, software=settings)
    found = bytearray(path.read_bytes())
    data = settings.encode() + b"\0"
    # The settings are put behind the header: every offset is moved by what they take, to a multiple of 16.
    header = struct.pack("<4I", 0x07030301, 3, len(data), 1) + data
    return _moved(path, found, header, image)


def _moved(path: Path, found: bytearray, header: bytes, image: NDArray[Any]) -> NDArray[Any]:
    """Put bytes behind the header of a BigTIFF, and move every offset of it."""
    shift = -(-len(header) // 16) * 16
    link = 8
    while offset := struct.unpack_from("<Q", found, link)[0]:
        struct.pack_into("<Q", found, link, offset + shift)
        (count,) = struct.unpack_from("<Q", found, offset)
        for entry in range(offset + 8, offset + 8 + 20 * count, 20):
            code, kind, values = struct.unpack_from("<HHQ", found, entry)
            long = values * {2: 1, 3: 2, 4: 4, 5: 8, 16: 8}.get(kind, 1) > 8
            if long or code == 273:
                (value,) = struct.unpack_from("<Q", found, entry + 12)
                struct.pack_into("<Q", found, entry + 12, value + shift)
        link = offset + 8 + 20 * count
    path.write_bytes(bytes(found[:16]) + header.ljust(shift, b"\0") + bytes(found[16:]))
    return image


def mmstack(folder: Path, *, times: int = 2, files: int = 2) -> tuple[Path, NDArray[Any]]:
    """Micro-Manager's stack files: an index map, a summary and display settings around the pages."""
    image = pixels(times, 3, 2, 40, 50)
    summary = {
        "MicroManagerVersion": "2.0.1",
        "Prefix": "scan",
        "Frames": times,
        "Slices": 3,
        "Channels": 2,
        "Positions": 1,
        "ChNames": ["DAPI", "GFP"],
        "ChColors": [-16776961, -16711936],
        "PixelSize_um": 0.65,
        "z-step_um": 2.0,
        "Interval_ms": 500.0,
        "TimeFirst": True,
        "SlicesFirst": True,
        "StartTime": "2020-01-02 10:11:12.500 +0100",
    }
    each = times // files
    names = [f"scan_MMStack_Pos0{'' if i == 0 else f'_{i}'}.ome.tif" for i in range(files)]
    for i, name in enumerate(names):
        _mmstack_file(folder / name, image[i * each : (i + 1) * each], i * each, summary)
    return folder / names[0], image


def _mmstack_file(path: Path, part: NDArray[Any], first: int, summary: dict[str, Any]) -> None:
    said = json.dumps(summary).encode()
    gap = struct.pack("<8I", *range(8)) + said
    pages, places = [], []
    for t, z, c in np.ndindex(part.shape[:3]):
        place = {"XPositionUm": 10.0, "YPositionUm": 20.0, "ZPositionUm": 5.0 + 2 * z, "Exposure-ms": 30.0}
        tags = plane_tags((40, 50), "uint16") | {51123: text(json.dumps(place).ljust(120))}
        tags |= {282: (RATIONAL, 1, struct.pack("<2I", 1, 1)), 283: (RATIONAL, 1, struct.pack("<2I", 1, 1))}
        tags |= {296: (SHORT, 1, struct.pack("<H", 1))}
        del tags[339]  # so that the pixels of each page are 162 bytes after its directory, as Micro-Manager has them
        pages.append((tags, part[t, z, c]))
        places.append((c, z, t + first, 0))
    offsets = write(path, pages, gap=gap, pixels_first=True)
    found = bytearray(path.read_bytes())
    index = struct.pack("<2I", 3453623, len(places))
    index += b"".join(struct.pack("<5I", *place, at) for place, at in zip(places, offsets, strict=True))
    shown = json.dumps([{"Channel": "DAPI", "Color": -16776961, "Min": 10, "Max": 100}]).encode()
    end = len(found)
    display_at, comments_at = end + len(index), end + len(index) + 8 + len(shown)
    header = (54773648, end, 483765892, display_at, 99384722, comments_at, 2355492, len(said))
    struct.pack_into("<8I", found, 8, *header)
    found += index + struct.pack("<2I", 347834724, len(shown)) + shown + struct.pack("<2I", 84720485, 2) + b"{}"
    path.write_bytes(found)


def metaseries(path: Path) -> NDArray[Any]:
    """MetaXpress and newer MetaMorph: one plane, with MetaSeries XML."""
    image = pixels(40, 50)
    props = {
        "spatial-calibration-state": ("bool", "on"),
        "spatial-calibration-x": ("float", "0.65"),
        "spatial-calibration-y": ("float", "0.5"),
        "spatial-calibration-units": ("string", "um"),
        "image-name": ("string", "DAPI"),
        "wavelength": ("float", "447"),
        "acquisition-time-local": ("time", "20200102 10:11:12.500"),
        "_MagSetting_": ("string", "20X Plan Fluor"),
    }
    inside = "".join(f'<prop id="{key}" type="{kind}" value="{value}"/>' for key, (kind, value) in props.items())
    xml = f"<MetaData><PlaneInfo>{inside}</PlaneInfo></MetaData>"
    tifffile.imwrite(path, image, description=xml, software="MetaSeries", metadata=None)
    return image


def nikon(path: Path) -> NDArray[Any]:
    """Nikon NIS-Elements: a stack with its XML in private tags."""
    image = pixels(3, 40, 50)
    xml = (
        '<variant version="1.0"><no_name runtype="CLxListVariant"><dCalibration runtype="double" value="0.325"/>'
        '<bCalibrated runtype="bool" value="true"/><dZStep runtype="double" value="1.5"/>'
        '<wsObjectiveName runtype="CLxStringW" value="Plan Apo 20x"/></no_name></variant>'
    ).encode("utf-16-le")
    tags = plane_tags((40, 50), "uint16") | {65332: (UNDEFINED, len(xml), xml)}
    write(path, [(tags if i == 0 else plane_tags((40, 50), "uint16"), plane) for i, plane in enumerate(image)])
    return image
