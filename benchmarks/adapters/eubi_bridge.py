"""EuBI-Bridge's command line, without Java: one image, by its one-pass writer."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from common import job


def main() -> None:
    """Become the ``eubi`` command."""
    given = job()
    command = [str(Path(sys.executable).parent / "eubi"), "to_zarr", given.source, f"--output_path={given.target}"]
    command += ["--zarr_format=3", f"--tensorstore_data_copy_concurrency={given.workers}"]
    if given.levels:
        command.append(f"--n_layers={given.levels}")
    if given.chunks:
        command += ["--auto_chunk=False", "--compressor=blosc"]
        command += [f"--{axis}_chunk={chunk}" for axis, chunk in zip(given.axes, given.chunks, strict=True)]
    if given.chunks and given.shards:
        parts = [shard // chunk for shard, chunk in zip(given.shards, given.chunks, strict=True)]
        command += [f"--{axis}_shard_coef={part}" for axis, part in zip(given.axes, parts, strict=True)]
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
