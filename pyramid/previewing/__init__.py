"""Pictures of images: pixels in a grid, with captions, scale bars and a legend.

`Figure` says what is shown, `arrange` says where, and a painter draws it: as pixels (`paint`) or as SVG (`as_svg`).
Nothing here reads an image.
"""

from pyramid.previewing.figure import Figure, LegendEntry, Panel, ScaleBar
from pyramid.previewing.preview import Preview
from pyramid.previewing.resampling import resample
from pyramid.previewing.scale_bar import choose_bar

__all__ = ["Figure", "LegendEntry", "Panel", "Preview", "ScaleBar", "choose_bar", "resample"]
