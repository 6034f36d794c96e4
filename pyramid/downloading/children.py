"""Children that a group's own metadata names, each with its checked path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pyramid.downloading.levels import image_paths
from pyramid.errors import SourceError, short_repr
from pyramid.hierarchy.nodes import MAX_DOCUMENT_BYTES, Node, join_path, parse_document
from pyramid.ngff.groups import OTHER_GROUPS
from pyramid.ngff.values import check_path, list_or_empty, mapping_or_empty, path_below

# The most nodes of one group that are followed: metadata comes from anyone.
MAX_CHILDREN = 100_000

# The lists in which a plate and a well name their children.
MEMBER_LISTS = (("plate", "wells"), ("well", "images"))

Kind = Literal["array", "group"]


@dataclass(frozen=True, slots=True)
class Child:
    """An array or group that a group's metadata names.

    Parameters
    ----------
    path
        Path below the group.
    kind
        ``array`` or ``group``; None where it may be either.
    required
        Whether the group is broken without it.
    leads
        Whether its own metadata is followed. That of a group that is only part of another child's path is not.
    """

    path: str
    kind: Kind | None
    required: bool = True
    leads: bool = True


def consolidated_children(node: Node) -> Iterator[Child]:
    """Yield the children that consolidated metadata names.

    None is required: it may have been removed after the metadata was written.
    """
    if node.zarr_format == 3:
        body = node.documents[key := join_path(node.path, "zarr.json")]
        inline = parse_document(body, key).get("consolidated_metadata") if b"consolidated_metadata" in body else None
        for path, document in mapping_or_empty(mapping_or_empty(inline).get("metadata")).items():
            kind = mapping_or_empty(document).get("node_type")
            yield Child(check_path(path), "array" if kind == "array" else "group", required=False)
        return
    body = node.documents.get(".zmetadata", b"{}")
    if len(body) > MAX_DOCUMENT_BYTES:  # only a plate's is so long, and a plate names its wells itself
        return
    for key in mapping_or_empty(parse_document(body, ".zmetadata").get("metadata")):
        path, _, name = key.rpartition("/")
        if name in (".zarray", ".zgroup"):
            yield Child(check_path(path), "array" if name == ".zarray" else "group", required=False)


def image_children(ome: Mapping[str, Any]) -> Iterator[Child]:
    """Yield the levels of an image, and the groups of its labels and tables.

    Raises SourceError if ``multiscales`` names no level.
    """
    if "multiscales" in ome:
        paths = image_paths(ome["multiscales"])
        if not paths:
            raise SourceError(f"multiscales is {short_repr(ome['multiscales'])}, which names no level")
        yield from (Child(path, "array") for path in paths)
        yield Child("labels", "group", required=False)
    if "multiscales" in ome or "plate" in ome:
        yield Child("tables", "group", required=False)


def listed_paths(node: Node, lists: Mapping[str, object], lacking: list[str]) -> Iterator[str]:
    """Yield the paths that lists of a group name.

    An item without a path is reported as lacking.

    Parameters
    ----------
    node
        The group.
    lists
        Paths, or objects that have one, by what errors call the list.
    lacking
        Takes a sentence for each item without a path.

    Raises
    ------
    SourceError
        For a path out of the group, and for a value that is not a list or is empty.
    """
    for name, given in lists.items():
        if not isinstance(given, list) or not given:
            raise SourceError(f"{node.place}: {name} is {short_repr(given)}, and it must be a list of what there is")
        for number, item in enumerate(given):
            path = item.get("path") if isinstance(item, Mapping) else item
            place = f"{node.place}: {name}[{number}]"
            if not isinstance(path, str):
                lacking.append(f"{place} is {short_repr(item)}, which names nothing")
            elif path:
                yield path_below(path, place)


def by_first_part(named: Mapping[str, Child]) -> Iterator[tuple[Child, dict[str, Child]]]:
    """Yield children by the first part of their paths.

    Each comes with the children beyond it, by their paths below that part.
    """
    nearest: dict[str, Child] = {}
    beyond: dict[str, dict[str, Child]] = {}
    for path, child in named.items():
        first, _, rest = path.partition("/")
        beyond.setdefault(first, {})
        if rest:
            beyond[first][rest] = replace(child, path=rest)
        else:
            nearest[first] = child
    for first, below in beyond.items():
        yield nearest.get(first, Child(first, "group", required=False, leads=False)), below


def count_required(named: Mapping[str, Child]) -> int:
    """Return how many of some children a group is broken without."""
    return sum(child.required for child in named.values())


def check_count(node: Node) -> None:
    """Raise SourceError if a list of children is too long to be followed."""
    ome = node.ome
    lists = [ome.get(name) for name in OTHER_GROUPS]
    lists += [mapping_or_empty(ome.get(key)).get(part) for key, part in MEMBER_LISTS]
    most = max(len(list_or_empty(found)) for found in lists)
    if most > MAX_CHILDREN:
        raise SourceError(f"{node.place} names {most} nodes, and more than {MAX_CHILDREN} are not followed")
