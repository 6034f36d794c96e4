"""Change the documents of an OME-Zarr, and no chunk: `edit` and `upgrade`.

Both read the documents, make new ones in memory, hold these against what was read, and only then replace them.
"""

from pyramid.editing.image import edit
from pyramid.editing.outcome import Edit

__all__ = ["Edit", "edit"]
