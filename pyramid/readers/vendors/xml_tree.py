"""XML of a vendor's file as a tree of elements, without document types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers.expat import ExpatError

from pyramid.errors import SourceError
from pyramid.readers.files.file import DAMAGED, SourceFile
from pyramid.readers.tiff.xml import XmlReader

# The most that is parsed: many times what the largest real files have, and what memory bears.
MAX_XML_BYTES = 256 * 2**20
MAX_ELEMENTS = 2_000_000


@dataclass(slots=True)
class Element:
    """An element of XML, with its text and the elements in it."""

    name: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def find_all(self, path: str) -> Iterator[Element]:
        """Yield the elements at a path of names, in their order.

        Examples
        --------
        >>> list(Element("a", {}, [Element("b"), Element("c")]).find_all("c"))
        [Element(name='c', attributes={}, children=[], text='')]
        """
        name, _, rest = path.partition("/")
        for child in self.children:
            if child.name == name:
                yield from child.find_all(rest) if rest else (child,)

    def find(self, path: str) -> Element:
        """Return the first element at a path of names; an empty one if there is none."""
        return next(self.find_all(path), Element())

    def value(self, path: str) -> str:
        """Return the text of the first element at a path; empty if there is none."""
        return self.find(path).text.strip()

    def get(self, attribute: str) -> str:
        """Return an attribute; empty if there is none."""
        return self.attributes.get(attribute, "")


class _TreeReader(XmlReader):
    """A reader of XML that keeps all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element()
        self._open = [self.root]
        self._count = 0

    def start(self, element: str, attributes: dict[str, str]) -> None:
        """Begin an element in the last one."""
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise SourceError(f"its XML has more than {MAX_ELEMENTS} elements, which no image needs; it is not read")
        made = Element(element, attributes)
        self._open[-1].children.append(made)
        self._open.append(made)

    def end(self, element: str) -> None:
        """End the last element."""
        del element
        self._open.pop()

    def text(self, text: str) -> None:
        """Add text to the last element."""
        self._open[-1].text += text


def parse_tree(xml: str, file: SourceFile) -> Element:
    """Return a nameless element that holds the root of an XML.

    Raises
    ------
    SourceError
        If it is not well-formed, defines a document type, or is too large.
    """
    if len(xml) > MAX_XML_BYTES:
        raise SourceError(f"{file}: its XML has {len(xml)} letters, and the most is {MAX_XML_BYTES}; {DAMAGED}")
    reader = _TreeReader()
    try:
        reader.read(xml)
    except SourceError as error:
        raise SourceError(f"{file}: {error}") from error
    except (ExpatError, UnicodeError) as error:
        raise SourceError(f"{file}: its XML cannot be read: {error}; {DAMAGED}") from error
    return reader.root
