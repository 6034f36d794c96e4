"""Images of BigDataViewer and BigStitcher: HDF5 with an XML of the same name.

A setup is one image over time, with a dataset of z, y and x for each time point.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from pyramid.errors import OptionError, SeveralImagesError, SourceError, list_some
from pyramid.options.convert import Options
from pyramid.options.series import ALL
from pyramid.options.units import unit as unit_name
from pyramid.readers.files.file import LocalFile, SourceFile, local_file
from pyramid.readers.files.finding import find_file
from pyramid.readers.hdf5.attributes import attribute
from pyramid.readers.hdf5.bdv_xml import IDENTITY, ROOT, Affine, BdvXml, Setup, read_bdv_xml
from pyramid.readers.hdf5.library import opened
from pyramid.readers.hdf5.links import member_names, neighbour
from pyramid.readers.hdf5.source import Hdf5Source, with_levels
from pyramid.readers.hdf5.volumes import find_volumes, source_of
from pyramid.readers.paths import stem

FORMAT = "bdv.hdf5"
MAX_LISTED = 8
ALIKE = 1e-3  # of factors, as a part of themselves, up to which they count as one


@dataclass(frozen=True, slots=True)
class _Image:
    """A setup, the file of its pixels, and what the XML says of it."""

    file: SourceFile
    xml: BdvXml
    setup: Setup


def is_bdv(root: Any) -> bool:  # noqa: ANN401  (h5py is not typed)
    """Return whether the root of a file is one of BigDataViewer."""
    with suppress(Exception):
        names = list(member_names(root))
        setups = [name for name in names if re.fullmatch(r"s\d{2,}", name)]
        return bool(setups) and "resolutions" in root[setups[0]] and any(re.fullmatch(r"t\d{5,}", n) for n in names)
    return False


def is_bdv_xml(file: SourceFile) -> bool:
    """Return whether an XML is one of BigDataViewer, by its beginning."""
    with file.open() as stream:
        return f"<{ROOT}".encode() in (stream.read(4096) or b"")


def open_bdv(file: SourceFile, options: Options) -> Hdf5Source:
    """Return the source of a setup, by the XML that describes it.

    Raises
    ------
    SourceError
        If its pixels are not HDF5, or the file is missing or elsewhere.
    """
    xml = read_bdv_xml(file)
    if xml.image_format != FORMAT or not xml.hdf5:
        raise SourceError(
            f"{file}: its pixels are of the format {xml.image_format[:40]!r}, and only {FORMAT} is read; save it as "
            "HDF5 in BigDataViewer or BigStitcher"
        )
    return _open(neighbour(file, xml.hdf5, "its image loader"), xml, options, file)


def open_bdv_file(file: SourceFile, options: Options) -> Hdf5Source:
    """Return the source of a setup, with the XML of the same name if there is one."""
    if isinstance(file, LocalFile):
        path = Path(file.path).with_suffix(".xml")
        xml_file: SourceFile | None = local_file(path) if path.is_file() else None
    else:
        place = str(file).partition("?")[0]
        url = re.sub(r"\.[^./]+$", ".xml", place)
        xml_file = find_file(url, options, must_exist=False) if url != place else None
    if xml_file is not None and is_bdv_xml(xml_file):
        return _open(file, read_bdv_xml(xml_file), options, xml_file)
    return _open(file, _without_xml(opened(file)["/"]), options, None)


def _without_xml(root: Any) -> BdvXml:  # noqa: ANN401
    """Return what the file itself says: its setups and time points."""
    names = list(member_names(root))
    xml = BdvXml()
    xml.setups = [Setup(int(name[1:])) for name in sorted(names) if re.fullmatch(r"s\d{2,7}", name)]
    xml.times = sorted(int(name[1:]) for name in names if re.fullmatch(r"t\d{5,9}", name))
    return xml


def _open(file: SourceFile, xml: BdvXml, options: Options, described_by: SourceFile | None) -> Hdf5Source:
    setup = _choose(file, xml, options.series)
    missing = sorted(time for time, number in xml.missing if number == setup.number and time in xml.times)
    if missing:
        raise SourceError(
            f"{described_by}: setup {setup.number} lacks the time points "
            f"{list_some(list(map(str, missing)), MAX_LISTED)} (MissingViews); they are not filled in: choose another "
            "setup with series=N, or export the others"
        )
    if not xml.times:
        raise SourceError(f"{described_by or file} names no time point; save it again")
    image = _Image(file, xml, setup)
    source = _level(image, 0, options.axes)
    notices = (*source.spec.notices, *_placed(xml, setup)[2])
    if described_by is None:
        notices += ("an XML of BigDataViewer of the same name is missing: sizes, units and names are not known",)
    spec = replace(source.spec, name=_name(file, xml, setup), notices=notices)
    source = replace(source, spec=spec)
    levels = _factors(opened(file)["/"], setup)
    coarser = [_level(image, n, None, source.order.letters) for n in range(1, len(levels))]
    return with_levels(source, [_scaled(each, levels[n]) for n, each in enumerate(coarser, 1)])


def _choose(file: SourceFile, xml: BdvXml, series: int | str | None) -> Setup:
    count = len(xml.setups)
    listing = "; ".join(f"{i}: {_label(xml, setup)}" for i, setup in enumerate(xml.setups[:MAX_LISTED]))
    listing += f"; and {count - MAX_LISTED} more" if count > MAX_LISTED else ""
    if not count:
        raise SourceError(f"{file} holds no setup of BigDataViewer; save it again")
    if series == ALL:
        series = None
    if isinstance(series, str):
        named = [setup for setup in xml.setups if setup.name == series]
        if len(named) != 1:
            raise OptionError(f"{file} has {len(named)} setups named {series!r}; choose one by number ({listing})")
        return named[0]
    if series is not None and series >= count:
        raise OptionError(f"{file} has no setup {series}; it has {count} ({listing})")
    if series is None and count > 1:
        raise SeveralImagesError(
            f'{file} holds {count} setups of BigDataViewer; choose one with series=N, or series="all" for a collection '
            f"({listing})",
            [(number, setup.name) for number, setup in enumerate(xml.setups)],
        )
    return xml.setups[series or 0]


def _label(xml: BdvXml, setup: Setup) -> str:
    kinds = (f"{kind} {xml.names.get((kind, value), value)}" for kind, value in setup.attributes.items())
    size = "x".join(f"{n:g}" for n in setup.size[::-1])
    return ", ".join(filter(None, (setup.name or f"setup {setup.number}", *kinds, size)))


def _name(file: SourceFile, xml: BdvXml, setup: Setup) -> str:
    name = stem(PurePath(file.name))
    return name if len(xml.setups) == 1 else f"{name} {setup.name or setup.number}"


def _factors(root: Any, setup: Setup) -> list[list[float]]:  # noqa: ANN401
    """Return the factors of each level on x, y and z; empty if the file has none."""
    with suppress(Exception):
        rows = root[f"s{setup.number:02d}/resolutions"][...].tolist()
        return rows if all(len(row) == 3 and min(row) > 0 for row in rows) else []
    return []


def _level(image: _Image, level: int, axes: str | None, letters: tuple[str, ...] | None = None) -> Hdf5Source:
    """Return the source of a level, with the sizes of the largest one."""
    file, xml, setup = image.file, image.xml, image.setup
    group = opened(file).get(f"s{setup.number:02d}")
    pattern = f"/t{{:05d}}/s{{:02d}}/{level}/cells"
    # Without that attribute the file is of an older version, which stored unsigned pixels as signed ones.
    legacy = group is None or attribute(group, "dataType") is None
    volumes = find_volumes(file, pattern, (xml.times, (setup.number,)), None)
    if legacy and volumes.dtype[1:] == "i2":
        volumes = replace(volumes, dtype=volumes.dtype.replace("i", "u"))
    source = source_of(file, volumes, axes, "a setup of BigDataViewer", letters)
    scale, origin, _ = _placed(xml, setup)
    unit = _unit(setup) if scale else None
    spec = source.spec
    shift = tuple(origin.get(axis, 0.0) for axis in spec.axes)
    return replace(
        source,
        spec=replace(
            spec,
            scale=tuple(scale.get(axis) for axis in spec.axes),
            units=tuple(unit if axis in scale else None for axis in spec.axes),
            translation=shift if any(shift) else (),
        ),
    )


def _scaled(level: Hdf5Source, factors: list[float]) -> Hdf5Source:
    """Return a level whose pixels are block means, and larger by its factors."""
    by_axis = dict(zip("xyz", factors, strict=True))
    spec = level.spec
    scale = tuple(
        None if size is None else size * by_axis.get(a, 1.0) for a, size in zip(spec.axes, spec.scale, strict=True)
    )
    before = spec.translation or (0.0,) * len(scale)
    moved = tuple(t + ((s or 0.0) - (b or 0.0)) / 2 for t, s, b in zip(before, scale, spec.scale, strict=True))
    return replace(level, spec=replace(spec, scale=scale, translation=moved if any(moved) else (), notices=()))


def _unit(setup: Setup) -> str | None:
    with suppress(OptionError):
        return unit_name("x", setup.unit)
    return None


def _placed(xml: BdvXml, setup: Setup) -> tuple[dict[str, float], dict[str, float], tuple[str, ...]]:
    """Return size and origin by axis, and notices, of a setup."""
    voxel = setup.voxel if setup.voxel and min(setup.voxel) > 0 else ()
    affines = [affine for time in xml.times if (affine := xml.affine(time, setup.number)) is not None]
    notices = [] if not setup.unit or _unit(setup) else [f"the unit {setup.unit[:40]!r} is not known; give units=..."]
    scale = dict(zip("xyz", voxel, strict=False))
    first = affines[0] if affines else None
    if first is None:
        return scale, {}, tuple(notices)
    if any(affine != first for affine in affines):
        notices.append("the registrations of the time points differ; that of the first is taken, and drift is not kept")
    diagonal = [first[i][i] for i in range(3)]
    if not _is_aligned(first) or min(diagonal) <= 0:
        notices.append(
            "the registration turns, shears or flips the image, which is not carried over; voxels are not moved"
        )
        return scale, {}, tuple(notices)
    if not voxel and first == IDENTITY:
        return {}, {}, tuple(notices)
    # BigStitcher registers in units of its smallest voxel edge, others in the unit of the voxels.
    ratios = [v / d for v, d in zip(voxel, diagonal, strict=False)]
    alike = bool(ratios) and max(ratios) - min(ratios) <= ALIKE * max(ratios)
    if not alike and voxel:
        notices.append("the registration scales the axes differently from the sizes of voxels; it is taken")
    size = voxel if alike else tuple(diagonal)
    origin = [row[3] * (ratios[0] if alike else 1.0) for row in first]
    return dict(zip("xyz", size, strict=True)), dict(zip("xyz", origin, strict=True)), tuple(notices)


def _is_aligned(affine: Affine) -> bool:
    largest = max(abs(affine[i][i]) for i in range(3))
    return all(abs(affine[i][j]) <= 1e-9 * largest for i in range(3) for j in range(3) if i != j)
