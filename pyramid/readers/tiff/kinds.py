"""The reader of the metadata of each kind of TIFF."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tifffile

from pyramid.errors import PyramidError, short_repr
from pyramid.readers.tiff.description import Description
from pyramid.readers.tiff.imagej import describe_imagej, palette_tables
from pyramid.readers.tiff.microscopes import (
    NIKON_XML,
    describe_fluoview,
    describe_lsm,
    describe_metaseries,
    describe_micromanager,
    describe_nikon,
    describe_scanimage,
    describe_scope,
    describe_stk,
)
from pyramid.readers.tiff.qpi import describe_channels
from pyramid.readers.tiff.resolution import pixels_per_unit, resolution_unit
from pyramid.readers.tiff.slides import describe_bif, describe_philips, describe_scn, describe_svs

Series = tifffile.TiffPageSeries
MICRO_MANAGER = 51123  # the tag of a plane's metadata

# By the kind that tifffile gives an image.
_BY_KIND: dict[str, Callable[[Series], Description]] = {
    "imagej": lambda series: _imagej(series.keyframe, channel_count(series)),
    "svs": lambda series: describe_svs(series.keyframe.description),
    "qpi": lambda series: Description(channels=describe_channels(series)),
    "philips": lambda series: describe_philips(_tif(series).philips_metadata or ""),
    "scn": lambda series: describe_scn(series, _tif(series).scn_metadata or ""),
    "bif": lambda series: describe_bif(series.keyframe),
    "lsm": lambda series: describe_lsm(_tif(series).lsm_metadata or {}),
    "stk": lambda series: describe_stk(_tif(series).stk_metadata or {}),
    "fluoview": lambda series: describe_fluoview(_tif(series).fluoview_metadata or {}),
    "scanimage": lambda series: _scanimage(series.keyframe),
    "sis": lambda series: describe_scope(_tif(series).sis_metadata or {}),
}
# By a property of a page, where no kind of image says it.
_BY_PAGE: dict[str, Callable[[Series], Description]] = {
    "is_micromanager": lambda series: describe_micromanager(
        _tif(series).micromanager_metadata or {}, series.keyframe.tags.valueof(MICRO_MANAGER)
    ),
    "is_metaseries": lambda series: describe_metaseries(_tif(series).metaseries_metadata or {}),
    "is_sem": lambda series: describe_scope(_tif(series).sem_metadata or {}),
    "is_fei": lambda series: describe_scope(_tif(series).fei_metadata or {}),
}


def describe_kind(series: Series) -> Description:
    """Return what an image's own kind of metadata says; empty for a plain TIFF."""
    found = _BY_KIND.get(series.kind)
    if found is None:
        page = series.keyframe
        found = next((read for name, read in _BY_PAGE.items() if getattr(page, name)), None)
        if found is None and (xml := _nikon(page)):
            return describe_nikon(xml)
    return Description() if found is None else _read(found, series)


def _read(read: Callable[[Series], Description], series: Series) -> Description:
    """Return what is read, or a notice if it cannot be, as pixels do not need it."""
    try:
        return read(series)
    except PyramidError:
        raise
    except Exception as error:  # tifffile may raise anything over damaged metadata, and its values have any form
        said = short_repr(str(error) or type(error).__name__)
        return Description(notices=[f"its metadata of the kind {series.kind} cannot be read ({said}): it is not taken"])


def channel_count(series: Series) -> int:
    """Count the channels of an image: those of its pages times the samples of a pixel."""
    return math.prod(int(n) for letter, n in zip(series.axes, series.shape, strict=True) if letter in "CS")


def _tif(series: Series) -> tifffile.TiffFile:
    return series.keyframe.parent


def _imagej(page: tifffile.TiffPage, channels: int) -> Description:
    y, x = (1 / pixels if pixels else None for pixels in pixels_per_unit(page))
    metadata = page.parent.imagej_metadata or {}
    if metadata.get("LUTs") is None:
        metadata = {**metadata, "LUTs": palette_tables(page, channels)}
    return describe_imagej(metadata, (y, x), resolution_unit(page, 1))


def _scanimage(page: tifffile.TiffPage) -> Description:
    extent = int(page.imagelength), int(page.imagewidth)
    return describe_scanimage(page.parent.scanimage_metadata or {}, page.description, extent)


def _nikon(page: tifffile.TiffPage) -> bytes:
    values: list[Any] = [page.tags.valueof(code) for code in NIKON_XML]
    return b"".join(value for value in values if isinstance(value, bytes))
