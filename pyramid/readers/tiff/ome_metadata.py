"""OME-XML without its pixels, as it is kept next to an image.

The rest of the text is kept as it is. The places of pixels become ``MetadataOnly``, and images can be left out.
"""

from __future__ import annotations

from xml.parsers import expat

from pyramid.errors import SourceError

_PIXELS = ("TiffData", "BinData")
_PLACE = b"MetadataOnly"
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'


def metadata_only(xml: str, number: int | None) -> bytes:
    r"""Return OME-XML in which no pixels have a place.

    Parameters
    ----------
    xml
        The OME-XML.
    number
        The number of the only image that is kept; None for all.

    Raises
    ------
    SourceError
        If it is not well-formed.

    Examples
    --------
    >>> metadata_only('<OME><Image><Pixels><Channel/><TiffData IFD="0"/><TiffData/></Pixels></Image></OME>', None)
    b'<OME><Image><Pixels><Channel/><MetadataOnly/></Pixels></Image></OME>'
    >>> metadata_only('<o:OME xmlns:o="a"><o:Image ID="0"/>\n<o:Image ID="1"/></o:OME>', 1)
    b'<o:OME xmlns:o="a">\n<o:Image ID="1"/></o:OME>'
    """
    body = xml.encode()
    cutter = _Cutter(body, number)
    try:
        cutter.read()
    except expat.ExpatError as error:
        raise SourceError(f"its OME-XML is not well-formed: {error}") from error
    pieces, at = [], 0
    for start, end, instead in sorted(cutter.cuts):
        if start >= at:  # a place within an image that is left out
            pieces += [body[at:start], instead]
            at = end
    return b"".join([*pieces, body[at:]])


class _Cutter:
    """The parts of an OME-XML that are replaced.

    Attributes
    ----------
    cuts
        First byte, the byte past the end, and what comes in its place, of each.
    """

    def __init__(self, body: bytes, number: int | None) -> None:
        self.cuts: list[tuple[int, int, bytes]] = []
        self._body = body
        self._number = number
        self._images = 0
        self._path: list[str] = []
        self._starts: list[int] = []
        self._placed = False
        self._is_begun = False
        self._parser = expat.ParserCreate("utf-8")
        self._parser.XmlDeclHandler = self._declare
        self._parser.DefaultHandler = self._pass
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def read(self) -> None:
        self._parser.Parse(self._body, True)

    def _declare(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() != "utf-8":
            start = self._parser.CurrentByteIndex
            self.cuts.append((start, self._body.index(b"?>", start) + 2, _DECLARATION))

    def _pass(self, _text: str) -> None:
        self._is_begun = False

    def _start(self, tag: str, _attributes: dict[str, str]) -> None:
        self._path.append(tag.rpartition(":")[2])
        self._starts.append(self._parser.CurrentByteIndex)
        self._is_begun = True
        if self._path[1:] == ["Image", "Pixels"]:
            self._placed = False

    def _end(self, tag: str) -> None:
        start, end = self._starts.pop(), self._past_end()
        path = self._path[1:]
        self._path.pop()
        if path == ["Image"]:
            self._images += 1
            if self._number is not None and self._images - 1 != self._number:
                self.cuts.append((start, end, b""))
        elif path[:2] == ["Image", "Pixels"] and len(path) == 3 and path[2] in (*_PIXELS, "MetadataOnly"):
            prefix = tag.rpartition(":")[0]
            name = b":".join(filter(None, (prefix.encode(), _PLACE))) if path[2] == "TiffData" else _PLACE
            self.cuts.append((start, end, b"" if self._placed else b"<" + name + b"/>"))
            self._placed = True

    def _past_end(self) -> int:
        """Return the byte past the end of the element that ends here."""
        at = self._parser.CurrentByteIndex
        is_empty = self._is_begun and self._body[at - 2 : at] == b"/>"
        self._is_begun = False
        return at if is_empty else self._body.index(b">", at) + 1
