"""ngff-zarr's command line, with its quickest method: bin shrink."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from common import job


def main() -> None:
    """Become the ``ngff-zarr`` command."""
    given = job()
    command = [str(Path(sys.executable).parent / "ngff-zarr"), "-i", given.source, "-o", given.target]
    command += ["-m", "itkwasm_bin_shrink", "--quiet", "--no-orientation"]
    if given.chunks:
        command += ["--codec", "blosc:lz4", "--compression-level", "5", "-c", *map(str, given.chunks)]
    if given.chunks and given.shards:
        parts = [shard // chunk for shard, chunk in zip(given.shards, given.chunks, strict=True)]
        command += ["--chunks-per-shard", *map(str, parts)]
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
