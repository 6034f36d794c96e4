"""The file that a manifest is written to."""

from __future__ import annotations

from pyramid.hierarchy.output_file import OutputFile
from pyramid.manifests.text import is_manifest

IN_STORE = "is in the store that it describes, and would be a part of it"


def manifest_file(option: str, path: str) -> OutputFile:
    """Return the file of a manifest, whose `option` names it in errors."""
    return OutputFile(option, path, "a manifest", is_manifest, IN_STORE)
