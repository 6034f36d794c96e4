"""OME-Zarr 0.2: as 0.1, but the parts of a chunk's key are folders.

Each array's document gives the separator of its keys.
"""

from __future__ import annotations

from dataclasses import replace

import pyramid.ngff.v01 as v01

# An image differs from one of 0.1 only in its version, so one without a version is taken for 0.1.
VERSION = replace(v01.VERSION, name="0.2", recognizes=lambda _: False)
