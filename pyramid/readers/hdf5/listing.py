"""The arrays of an HDF5 file, to choose from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyramid.errors import SourceError
from pyramid.readers.hdf5.library import load_h5py
from pyramid.readers.hdf5.links import Place, find_place, member_names
from pyramid.readers.hdf5.stored import is_image
from pyramid.readers.inside import join_inside

MAX_LISTED = 8  # arrays in an error
MAX_VISITED = 20_000  # objects that are looked at
MAX_DEPTH = 32  # groups within groups: hard links may lead in a circle


def only_array(place: Place) -> Place:
    """Return the array at a place, or the only one in the group there.

    Raises
    ------
    SourceError
        If the group holds several, which are listed, or none.
    """
    h5py = load_h5py(place.file)
    found = place.read()
    if isinstance(found, h5py.Dataset):
        return place
    if not isinstance(found, h5py.Group):
        raise SourceError(f"{place} is a named type, not an array; name an array")
    datasets = list(_datasets(place, found))
    images = [(path, dataset) for path, dataset in datasets if is_image(dataset)]
    if len(images) == 1:
        return find_place(place.file, images[0][0])
    where = str(place.file) if place.path == "/" else str(place)
    if images:
        listing = "; ".join(f"{join_inside(place.file, path)} {_describe(d)}" for path, d in images[:MAX_LISTED])
        more = f"; and {len(images) - MAX_LISTED} more" if len(images) > MAX_LISTED else ""
        raise SourceError(f"{where} holds {len(images)} arrays, and one image is read; give one of {listing}{more}")
    others = "; ".join(f"{path} {_describe(d)}" for path, d in datasets[:MAX_LISTED])
    raise SourceError(
        f"{where} holds no array of pixels" + (f", only {others}" if others else "") + "; give another file"
    )


def _describe(dataset: Any) -> str:  # noqa: ANN401  (h5py is not typed)
    shape = "no shape" if dataset.shape is None else "x".join(map(str, dataset.shape)) or "a single value"
    dtype = dataset.dtype
    return f"({shape} {dtype if dtype.kind not in 'VO' else 'of ' + ('a compound' if dtype.names else 'text')})"


def _datasets(place: Place, group: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Yield path and dataset of all arrays below a group, each once."""
    h5py = load_h5py(place.file)
    queue, seen, visited = [(place.path.rstrip("/"), group, 0)], set(), 0
    while queue:
        base, parent, depth = queue.pop()
        groups = []
        for name in member_names(parent):
            visited += 1
            path = f"{base}/{name}"
            member = _hard_member(h5py, parent, name)
            if visited > MAX_VISITED or member is None or member.id in seen:
                continue
            seen.add(member.id)
            if isinstance(member, h5py.Dataset):
                yield path, member
            elif isinstance(member, h5py.Group) and depth < MAX_DEPTH:
                groups.append((path, member, depth + 1))
        queue.extend(reversed(groups))


def _hard_member(h5py: Any, parent: Any, name: str) -> Any:  # noqa: ANN401
    """Return a member; None if it is a link elsewhere, or cannot be opened."""
    try:
        return parent[name] if isinstance(parent.get(name, getlink=True), h5py.HardLink) else None
    except Exception:  # a damaged object is not offered
        return None
