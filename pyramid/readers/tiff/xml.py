"""XML from an unknown source, read in one pass and without document types."""

from __future__ import annotations

from typing import NoReturn
from xml.parsers import expat

from pyramid.errors import SourceError


class XmlReader:
    """A reader of XML, whose functions are called for each element and text.

    Attributes
    ----------
    path
        The elements around the current one, without namespaces.
    namespace
        The namespace of the element that begins; empty if it has none.
    """

    def __init__(self) -> None:
        self.path: list[str] = []
        self.namespace = ""

    def read(self, xml: str) -> None:
        """Read an XML.

        Raises
        ------
        SourceError
            If it defines a document type.
        ExpatError, UnicodeError
            If it is not well-formed.
        """
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = lambda _: self.end(self.path.pop())
        parser.CharacterDataHandler = self.text
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.Parse(xml, True)

    def start(self, element: str, attributes: dict[str, str]) -> None:
        """Begin an element in those of `path`."""

    def end(self, element: str) -> None:
        """End an element in those of `path`."""

    def text(self, text: str) -> None:
        """Take a part of the text in the last element of `path`."""

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self.namespace, _, element = tag.rpartition(" ")
        self.start(element, attributes)
        self.path.append(element)


def _refuse_doctype(*_: object) -> NoReturn:
    raise SourceError(
        "its XML defines a document type, which image metadata never needs and attacks use; it is not read"
    )
