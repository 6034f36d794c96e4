"""libvips: a tiled pyramidal TIFF, zstd at level 1. It writes no OME-Zarr: codec and tile are the nearest there is."""

from __future__ import annotations

import os
import shutil

from common import job


def main() -> None:
    """Become the ``vips`` command."""
    given = job()
    tile = given.chunks[-1] if given.chunks else 512
    program = shutil.which("vips")
    if program is None:
        raise SystemExit("the command vips is missing: apt-get install libvips-tools")
    options = ["--tile", f"--tile-width={tile}", f"--tile-height={tile}", "--pyramid", "--bigtiff"]
    codec = ["--compression=zstd", "--level=1"]
    environment = {**os.environ, "VIPS_CONCURRENCY": str(given.workers)}
    os.execve(program, [program, "tiffsave", given.source, f"{given.target}.tif", *options, *codec], environment)


if __name__ == "__main__":
    main()
