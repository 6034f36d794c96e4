"""A layout as SVG: text stays text, and pixels are PNG within."""

from __future__ import annotations

import base64
import html

import imagecodecs

from pyramid.previewing.layout import INK, Item, Layout, Pixels, Rectangle
from pyramid.previewing.text import text_width

# The share of a font's height that is above the baseline.
_ASCENT = 30 / 32


def as_svg(layout: Layout) -> str:
    """Return a layout as an SVG document that refers to nothing outside of it."""
    size = f'width="{layout.width}" height="{layout.height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {layout.width} {layout.height}"'
    items = "\n".join(map(_element, layout.items))
    return f'{head} font-family="DejaVu Sans, Verdana, sans-serif">\n{items}\n</svg>\n'


def _element(item: Item) -> str:
    """Return the element of an item."""
    place = f'x="{item.left}" y="{item.top}"'
    if isinstance(item, Pixels):
        height, width = item.pixels.shape[:2]
        encoded = base64.b64encode(imagecodecs.png_encode(item.pixels)).decode()
        return f'<image {place} width="{width}" height="{height}" href="data:image/png;base64,{encoded}"/>'
    if isinstance(item, Rectangle):
        fill = f'fill="#{item.color}"' + ("" if item.opacity == 1 else f' fill-opacity="{item.opacity:g}"')
        return f'<rect {place} width="{item.width}" height="{item.height}" {fill}/>'
    baseline = round(item.top + _ASCENT * item.size_px)
    # Whatever font is there, the text is as wide as it was planned.
    fitted = f'textLength="{max(1, text_width(item.text, item.size_px))}" lengthAdjust="spacingAndGlyphs"'
    size = f'style="font-size:{item.size_px}px" fill="#{INK}"'
    return f'<text x="{item.left}" y="{baseline}" {size} {fitted}>{html.escape(item.text)}</text>'
