"""Make a tree of OME-XML valid: IDs, references, and the order of elements."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pyramid.readers.ome_metadata.schema import is_valid
from pyramid.readers.ome_metadata.tree import Element

_ID = "ID"


def make_valid(root: Element, lose: Callable[[str], None]) -> None:
    """Order the children of a tree, and remove what the schema does not allow.

    Parameters
    ----------
    root
        The element ``OME``.
    lose
        Takes words for each kind of element that is removed.
    """
    _give_ids(root)
    is_whole = False
    while not is_whole:  # what is removed may be what others refer to
        ids = {element.attributes[_ID] for element in _walk(root) if element.declaration.defines}
        is_whole = _prune(root, ids, lose)


def _walk(element: Element) -> Iterator[Element]:
    """Yield an element and those in it that are of the schema."""
    if element.key:
        yield element
        for _, child in element.children:
            yield from _walk(child)


def _give_ids(root: Element) -> None:
    """Give each element that others may refer to an ID of its own."""
    seen: set[str] = set()
    for number, element in enumerate(_walk(root)):
        if not element.declaration.defines:
            continue
        kind = element.declaration.attributes[_ID][0].removesuffix("ID")
        given = element.attributes.get(_ID) or f"{kind}:{number}"
        while given in seen:
            given = f"{given}.{number}"
        seen.add(given)
        element.attributes[_ID] = given


def _prune(element: Element, ids: set[str], lose: Callable[[str], None]) -> bool:
    """Remove children that are not valid, and return whether nothing was removed."""
    if not element.key or element.declaration.takes_any:
        return True
    is_whole = all([_prune(child, ids, lose) for _, child in element.children])
    kept: list[tuple[int, Element]] = []
    counts: dict[int, int] = {}
    for place, child in sorted(element.children, key=lambda item: item[0]):
        counts[place] = counts.get(place, 0) + 1
        most = element.declaration.slots[place].most
        if (most is not None and counts[place] > most) or not _is_valid(child, ids):
            if not _dangles(child, ids):
                lose(f"{child.name} (in {element.name})")
            is_whole = False
        else:
            kept.append((place, child))
    element.children = kept
    return is_whole


def _dangles(element: Element, ids: set[str]) -> bool:
    """Return whether an element refers to what is not there."""
    declared = element.declaration
    return not declared.defines and _ID in declared.attributes and element.attributes.get(_ID) not in ids


def _is_valid(element: Element, ids: set[str]) -> bool:
    """Return whether an element is valid by itself."""
    declared = element.declaration
    if any(must and name not in element.attributes for name, (_, must) in declared.attributes.items()):
        return False
    if _dangles(element, ids):
        return False
    if element.attributes.get("Annotator", next(iter(ids), "")) not in ids:
        del element.attributes["Annotator"]
    if declared.text is not None and not is_valid(declared.text, element.text):
        return False
    there = [place for place, _ in element.children]
    return all(there.count(place) >= slot.least for place, slot in enumerate(declared.slots) if slot.least)
