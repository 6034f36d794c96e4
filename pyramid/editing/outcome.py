"""The outcome of `edit` and `upgrade`, to print and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Edit:
    """The documents that were replaced, or would be.

    Parameters
    ----------
    url
        The store.
    diff
        What changes in the documents, as a unified diff of JSON; empty where nothing changes.
    documents
        The number of documents that change.
    removed
        The number of objects of a removed label; 0 if nothing was removed.
    dry_run
        Whether nothing was written.
    """

    url: str
    diff: str
    documents: int
    removed: int = 0
    dry_run: bool = False

    def __str__(self) -> str:
        """Return the diff of a dry run, and a sentence of any other."""
        if not self.documents and not self.removed:
            return f"{self.url}: nothing to change"
        if self.dry_run:
            more = f"\n{self.removed} objects of the label would be removed" if self.removed else ""
            return self.diff + more
        more = f", and {self.removed} objects of the label removed" if self.removed else ""
        noun = "document" if self.documents == 1 else "documents"
        return f"{self.url}: {self.documents} {noun} changed{more}"

    def to_dict(self) -> dict[str, Any]:
        """Return the same as values for JSON."""
        return {
            "url": self.url,
            "dry_run": self.dry_run,
            "documents": self.documents,
            "removed": self.removed,
            "diff": self.diff,
        }


@dataclass(frozen=True)
class Upgrade(Edit):
    """As `Edit`, with the version that was reached.

    Parameters
    ----------
    version
        The version of OME-Zarr of all documents.
    """

    version: str = ""

    def __str__(self) -> str:
        """Return the diff of a dry run, and a sentence of any other."""
        if not self.documents:
            return f"{self.url}: it is OME-Zarr {self.version} already; nothing to change"
        text = super().__str__()
        return text if self.dry_run else f"{text}; it is OME-Zarr {self.version} now"

    def to_dict(self) -> dict[str, Any]:
        """Return the same as values for JSON."""
        return {**super().to_dict(), "version": self.version}
