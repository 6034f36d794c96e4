"""Manifests as other tools make them."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from zarr_checksum import compute_zarr_checksum
from zarr_checksum.generators import yield_files_local


def expected_entries(folder: Path, algorithm: str = "sha256") -> list[tuple[str, int, str]]:
    """Key, size and digest of each file, sorted by the bytes of the keys."""
    found = [
        (
            path.relative_to(folder).as_posix(),
            path.stat().st_size,
            hashlib.new(algorithm, path.read_bytes()).hexdigest(),
        )
        for path in folder.rglob("*")
        if path.is_file()
    ]
    return sorted(found, key=lambda entry: os.fsencode(entry[0]))


def checked_by_tool(manifest: Path, folder: Path, tool: str = "sha256sum") -> int:
    """Exit status of ``sha256sum -c``, to which every line must be sound."""
    command = [tool, "-c", "--strict", "--quiet", str(manifest.absolute())]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode


def dandi_of(folder: Path) -> str:
    """The checksum of the archive's own package."""
    return str(compute_zarr_checksum(yield_files_local(str(folder))))
