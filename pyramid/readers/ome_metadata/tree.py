"""OME-XML as a tree of those elements and attributes that OME's schema has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.parsers.expat import ExpatError

from pyramid.errors import SourceError
from pyramid.readers.ome_metadata.schema import NAMESPACE, Declaration, declarations, id_type, is_valid
from pyramid.readers.tiff.xml import XmlReader

# Elements of a document, which are in memory at once: those of an image of a hundred thousand planes.
MAX_ELEMENTS = 500_000
MAX_DEPTH = 60  # elements within each other, more than any metadata has
MAX_LOST = 20  # kinds of elements and attributes that a notice names, so that it stays readable
MAX_NAME = 40  # characters of a name from the file

# The letters that have another form in XML, of which the first must be replaced first. Line ends and tabs would become
# spaces in an attribute.
_IN_TEXT = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;"))
_IN_ATTRIBUTE = (*_IN_TEXT, ('"', "&quot;"), ("\n", "&#10;"), ("\t", "&#9;"))
# Names of earlier schemas for elements that have only changed their name.
_RENAMED = {"AcquiredDate": "AcquisitionDate", "CreationDate": "AcquisitionDate"}
# An element of earlier schemas around a laser or a lamp, whose attributes are those of the lamp since.
_WRAPPER = "LightSource"
# Elements about how planes are stored, which is the OME-Zarr's own matter.
_STORED = ("TiffData", "BinData", "MetadataOnly")


@dataclass(slots=True)
class Element:
    """An element of OME-XML.

    Parameters
    ----------
    name, key
        Its name, and its key in the schema; the key of an element of another schema is empty.
    attributes, text
        Its attributes, and its text.
    children
        The number of the slot of each child, and the child.
    namespace
        The namespace of an element of another schema.
    """

    name: str
    key: str
    attributes: dict[str, str]
    text: str = ""
    children: list[tuple[int, Element]] = field(default_factory=list)
    namespace: str = NAMESPACE

    @property
    def declaration(self) -> Declaration:
        """Its declaration in the schema."""
        return declarations()[self.key]

    def find(self, name: str) -> list[Element]:
        """Return the children of a name."""
        return [child for _, child in self.children if child.name == name]

    def add(self, name: str, attributes: dict[str, str]) -> Element:
        """Append a child that the schema has a place for, and return it."""
        place = self.declaration.place(name)
        assert place is not None
        made = Element(name, place[1], attributes)
        self.children.append((place[0], made))
        return made

    def write(self, depth: int = 0, around: str = "") -> str:
        """Return the element as XML."""
        space = "" if self.namespace == around else f' xmlns="{_escape(self.namespace, _IN_ATTRIBUTE)}"'
        given = "".join(f' {name}="{_escape(value, _IN_ATTRIBUTE)}"' for name, value in self.attributes.items())
        head, indent = f"<{self.name}{space}{given}", "  " * depth
        inside = "".join(child.write(depth + 1, self.namespace) for _, child in self.children)
        if not inside and not self.text:
            return f"{indent}{head}/>\n"
        body = f"\n{inside}{indent}" if inside and not self.text else f"{_escape(self.text, _IN_TEXT)}{inside.strip()}"
        return f"{indent}{head}>{body}</{self.name}>\n"


def _is_identity(kind: str) -> bool:
    """Return whether a type only distinguishes elements and files."""
    return id_type(kind) or kind == "UniversallyUniqueIdentifier"


def _escape(text: str, letters: Sequence[tuple[str, str]]) -> str:
    """Return a text as XML has it."""
    for letter, form in letters:
        text = text.replace(letter, form)
    return text


class TreeReader(XmlReader):
    """A reader of OME-XML that keeps what the schema has a place for.

    Attributes
    ----------
    root
        The element ``OME``; None if the document has another root.
    lost
        Words for what is left out, each kind once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.root: Element | None = None
        self.lost: list[str] = []
        self._open: list[Element | None] = []
        self._wrapper: dict[str, str] = {}
        self._count = 0

    def start(self, element: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self.path) > MAX_DEPTH:
            raise SourceError(f"it has over {MAX_ELEMENTS} elements, or over {MAX_DEPTH} within each other")
        parent = self._open[-1] if self._open else None
        if parent is not None and parent.name == "Instrument":
            if element == _WRAPPER:
                self._wrapper = attributes
                self._open.append(parent)
                return
            if self.path[-1] == _WRAPPER:
                attributes = {**self._wrapper, **attributes}
        self._open.append(self._made(_RENAMED.get(element, element), attributes, parent))

    def _made(self, name: str, attributes: dict[str, str], parent: Element | None) -> Element | None:
        """Return an element that is kept; None for any other."""
        if not self._open:
            if name == "OME":
                self.root = Element(name, name, self._kept(name, "OME", attributes))
            return self.root
        if parent is None:
            return None
        if not parent.key or parent.declaration.takes_any:
            given = {key: value for key, value in attributes.items() if " " not in key}
            own = "" if self.namespace == NAMESPACE and name in declarations() else self.namespace
            made = Element(name, "", given, namespace=own)
            parent.children.append((0, made))
            return made
        place = parent.declaration.place(name)
        if place is None or (parent.name == "Pixels" and name in _STORED):
            if name not in _STORED:
                self._lose(f"{name[:MAX_NAME]} (in {parent.name})")
            return None
        made = Element(name, place[1], self._kept(place[1], name, attributes))
        parent.children.append((place[0], made))
        return made

    def _kept(self, key: str, name: str, attributes: dict[str, str]) -> dict[str, str]:
        """Return the attributes that are valid."""
        known, kept = declarations()[key].attributes, {}
        for attribute, value in attributes.items():
            if attribute in known and is_valid(known[attribute][0], value):
                kept[attribute] = value
            elif " " not in attribute and not (attribute in known and _is_identity(known[attribute][0])):
                self._lose(f"{attribute[:MAX_NAME]} (of {name})")
        return kept

    def end(self, element: str) -> None:
        """End an element."""
        self._open.pop()

    def text(self, text: str) -> None:
        """Take text where the schema has some."""
        at = self._open[-1] if self._open else None
        if at is not None and (not at.key or at.declaration.text is not None):
            at.text += text

    def _lose(self, words: str) -> None:
        if words not in self.lost and len(self.lost) < MAX_LOST:
            self.lost.append(words)


def read_tree(xml: str) -> tuple[Element, list[str]]:
    """Return the tree of an OME-XML, and words for what is left out.

    Raises
    ------
    SourceError
        If it is not well-formed OME-XML, or too large.
    """
    reader = TreeReader()
    try:
        reader.read(xml)
    except (ExpatError, UnicodeError) as error:
        raise SourceError(f"it is not well-formed: {error}") from error
    if reader.root is None:
        raise SourceError("its root is not OME")
    return reader.root, reader.lost
