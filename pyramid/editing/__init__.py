"""Change the documents of an OME-Zarr, and no chunk: `edit` and `upgrade`.

Both read the documents, make new ones in memory, hold these against what was read, and only then replace them.
"""

from pyramid.editing.image import edit
from pyramid.editing.outcome import Edit, Upgrade
from pyramid.editing.upgrading import upgrade

__all__ = ["Edit", "Upgrade", "edit", "upgrade"]
