"""Compare what other programs read in upgraded stores and in zipped ones with what is read here.

    python -m benchmarks.readers PYTHON

PYTHON is that of an environment with zarr, tensorstore, ome-zarr, ngff-zarr[validate], bioio-ome-zarr, yaozarrs and
ome-zarr-models. One row is printed for each store: who reads all levels as they are read here, and what the others say.
Then an archive that ngff-zarr has written is read here, and the specification's examples are upgraded and judged.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

import pyramid
from benchmarks.validators import judge
from tests.support.paths import OME_ZARRS
from tests.support.suites import different_cases

HERE = Path(__file__).parent
# The oldest and the newest version of each upgrade.
STEPS = (("0.4", "0.5"), ("0.4", "0.6"), ("0.5", "0.6"))
REAL = "BioImageTools+ome-zarr-fiji-java"


def make_stores(folder: Path) -> list[Path]:
    """Write stores that are upgraded, by this package and by others, and zipped ones."""
    pixels = np.random.default_rng(0).integers(0, 4000, (2, 12, 300, 400)).astype("uint16")
    stores = []
    for old, new in STEPS:
        stores.append(folder / f"pyramid {old} to {new}.ome.zarr")
        pyramid.convert(pixels, stores[-1], axes="czyx", scale="z=2,y=0.5,x=0.5", ome_zarr_version=old)
        pyramid.upgrade(stores[-1], to=new)
    for source in sorted((OME_ZARRS / REAL).glob("*_v4.ome.zarr")):
        for new in ("0.5", "0.6"):
            store = folder / f"{source.name.split('.')[0]} to {new}.ome.zarr"
            shutil.copytree(source, store)
            try:
                pyramid.upgrade(store, to=new)
            except pyramid.SourceError as error:
                print(f"{store.name}: {error}")
            else:
                stores.append(store)
    for new in ("0.5", "0.6"):
        stores.append(folder / f"convert {new}.ozx")
        pyramid.convert(pixels, stores[-1], axes="czyx", ome_zarr_version=new)
    return stores


def digests(path: Path) -> list[str]:
    """Return a digest of the pixels of each level, as they are read here."""
    levels = [np.asarray(level.data) for level in pyramid.open(path).levels]
    little = (level.astype(level.dtype.newbyteorder("<")) for level in levels)
    return [hashlib.sha256(level.tobytes()).hexdigest() for level in little]


def compare(python: str, folder: Path) -> None:
    """Print who reads each store as it is read here."""
    stores, archive = make_stores(folder), folder / "theirs.ozx"
    words = [python, str(HERE / "adapters" / "readers.py"), *map(str, stores), "--write", str(archive)]
    seen: list[dict[str, Any]] = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    for path, others in zip(stores, seen, strict=True):
        ours = digests(path)
        print(f"{path.name}: alike: {', '.join(name for name, found in others.items() if found == ours)}")
        for name, found in others.items():
            if found != ours:
                print(f"    {name}: {found if isinstance(found, str) else 'other pixels'}")
    print(f"{archive.name} is read here: {digests(archive)[:1] == digests(stores[0])[:1]}")


def judge_examples(python: str, folder: Path) -> None:
    """Print how many of the specification's valid images are valid to other validators after an upgrade."""
    stores: dict[str, list[Path]] = {"0.4": [], "0.5": [], "0.6": []}
    for number, case in enumerate(different_cases()):
        is_image = "multiscales" in case.attributes.get("ome", case.attributes)
        for version in (each for each in stores if case.is_valid and is_image and each > case.version):
            path = folder / f"{number} to {version}"
            path.mkdir()
            case.write_with_arrays(path)
            with suppress(pyramid.SourceError):  # the tests say which are refused
                pyramid.upgrade(path, to=version)
                stores[version].append(path)
    for version, paths in stores.items():
        verdicts = judge(python, paths)
        for validator in verdicts[0]:
            found = Counter(one[validator] for one in verdicts)
            print(f"examples upgraded to {version}: {validator}: {dict(found)}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as text:
        compare(sys.argv[1], Path(text))
        judge_examples(sys.argv[1], Path(text))
