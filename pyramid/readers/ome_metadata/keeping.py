"""A source's own OME-XML, in the form that is stored with an OME-Zarr."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyramid.errors import SourceError
from pyramid.model import SourceSpec
from pyramid.readers.ome_metadata.making import HEAD, describe_pixels
from pyramid.readers.ome_metadata.pruning import make_valid
from pyramid.readers.ome_metadata.tree import MAX_LOST, Element, read_tree

# Characters of a document: what it takes of memory is some ten times as much.
MAX_CHARACTERS = 2**24


@dataclass(frozen=True, slots=True)
class KeptXml:
    """OME-XML that is valid by the schema.

    Parameters
    ----------
    text
        The document.
    lost
        Words for what the schema has no place for.
    """

    text: str
    lost: tuple[str, ...]


def keep_document(xml: str, images: Mapping[int, SourceSpec] | None) -> KeptXml:
    """Return a source's OME-XML, with ``MetadataOnly`` in place of its pixels.

    Sizes and types are those of the OME-Zarr. Planes and channels are left out where their numbers would differ.
    Comments and the layout of the text are not kept.

    Parameters
    ----------
    xml
        The OME-XML.
    images
        The description of each image that is stored, by its number in the document; the others are left out. None to
        store all, with the sizes of the document.

    Raises
    ------
    SourceError
        If it cannot be kept. The error says why.
    """
    if len(xml) > MAX_CHARACTERS:
        raise SourceError(f"it has {len(xml)} characters, over {MAX_CHARACTERS}")
    root, lost = read_tree(xml)

    def lose(words: str) -> None:
        if words not in lost and len(lost) < MAX_LOST:
            lost.append(words)

    root.attributes.pop("UUID", None)  # it is that of the source's file
    if images is None:
        _keep_all(root)
    else:
        _choose_images(root, images, lose)
    count = len(root.find("Image"))
    make_valid(root, lose)
    if len(root.find("Image")) != count:
        raise SourceError("an image in it is not valid by OME's schema")
    return KeptXml(HEAD + root.write(), tuple(lost))


def _choose_images(root: Element, images: Mapping[int, SourceSpec], lose: Callable[[str], None]) -> None:
    """Leave the images that are stored, in the order of `images`, with their sizes."""
    found = [item for item in root.children if item[1].name == "Image"]
    others = [item for item in root.children if item[1].name != "Image"]
    if any(number >= len(found) for number in images):
        raise SourceError("it describes fewer images than the file holds")
    root.children = [*others, *(found[number] for number in images)]
    for number, spec in images.items():
        for pixels in found[number][1].find("Pixels"):
            _fit(pixels, spec, lose)


def _keep_all(root: Element) -> None:
    """Give all images ``MetadataOnly``, with their own sizes."""
    for image in root.find("Image"):
        for pixels in image.find("Pixels"):
            _complete(pixels)


def _complete(pixels: Element) -> None:
    """Replace what ``Pixels`` says of how they are stored by ``MetadataOnly``."""
    pixels.attributes.setdefault("ID", "Pixels:0")
    pixels.attributes.setdefault("DimensionOrder", "XYZCT")
    for name in ("BigEndian", "Interleaved"):
        pixels.attributes.pop(name, None)  # they say how the source stores its pixels
    pixels.add("MetadataOnly", {})


def _fit(pixels: Element, spec: SourceSpec, lose: Callable[[str], None]) -> None:
    """Give an image its sizes, its type, and ``MetadataOnly``."""
    stored = describe_pixels(spec)
    if "Type" not in stored:
        raise SourceError(f"OME-XML has no word for {spec.dtype}")
    sizes = {name: value for name, value in stored.items() if name.startswith("Size") or name == "Type"}
    moved = [name for name in ("SizeZ", "SizeC", "SizeT") if pixels.attributes.get(name) != sizes[name]]
    names = {"Plane"} if moved else set()
    if "SizeC" in moved:
        names.add("Channel")
    for name in sorted(names):
        if pixels.find(name):
            lose(f"{name} (in Pixels)")
    pixels.children = [item for item in pixels.children if item[1].name not in names]
    pixels.attributes = {**pixels.attributes, **sizes}
    _complete(pixels)
