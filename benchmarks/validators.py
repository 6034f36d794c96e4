"""Compare the verdicts of `validate` with those of others, on stores, on what is written, and on the list of defects.

    python -m benchmarks.validators PYTHON

PYTHON is that of an environment with yaozarrs, ome-zarr-models, ome-zarr and ngff-zarr[validate]. The verdicts on the
stores at hand go to ``benchmarks/results/validators.csv``. What is printed is the verdicts on what is written of each
kind in each version, and how many defects change a verdict.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyramid
from tests.support.defects import DEFECTS, made, make_stores
from tests.support.outputs import VERSIONS, make_outputs
from tests.support.paths import CORPUS, OME_ZARRS
from tests.support.stores import find_stores

HERE = Path(__file__).parent
LEVELS = ("error", "warning", "advice")
# The suites of the specification are compared with its own verdicts, by the tests.
SUITES = "ngff-spec"


def judge(python: str, stores: Sequence[Path]) -> list[dict[str, str]]:
    """Return the verdicts of the other validators on each store."""
    words = [python, str(HERE / "adapters" / "validators.py"), *map(str, stores)]
    found: list[dict[str, str]] = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    return found


def compare_stores(python: str) -> None:
    """Write the verdicts on all stores at hand."""
    rows = []
    for path in sorted(find_stores(OME_ZARRS, CORPUS)):
        try:
            found = pyramid.validate(path)
        except pyramid.SourceError:  # an array
            continue
        if SUITES not in str(path):
            rules = sorted({one.rule for one in found if one.level == "error"})
            rows.append((path, {"pyramid": "valid" if found.valid else "not valid", "errors": " ".join(rules)}))
    verdicts = judge(python, [path for path, _ in rows])
    with (HERE / "results" / "validators.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["store", *rows[0][1], *verdicts[0]])
        for (path, ours), others in zip(rows, verdicts, strict=True):
            root = OME_ZARRS if path.is_relative_to(OME_ZARRS) else CORPUS
            table.writerow([path.relative_to(root), *ours.values(), *others.values()])


def compare_outputs(python: str) -> None:
    """Print the verdicts on each kind of thing that is written."""
    with tempfile.TemporaryDirectory() as text:
        made_paths = [
            (version, kind, path)
            for version in VERSIONS
            for kind, path in make_outputs(Path(text) / version, version).items()
        ]
        verdicts = judge(python, [path for *_, path in made_paths])
    for (version, kind, _), found in zip(made_paths, verdicts, strict=True):
        print(f"{version} {kind}: {', '.join(f'{name} {verdict}' for name, verdict in found.items())}")


def compare_defects(python: str) -> None:
    """Print how many defects each finds, in stores that it accepts without them."""
    with tempfile.TemporaryDirectory() as text:
        folder, copies = Path(text) / "stores", []
        folder.mkdir()
        make_stores(folder)
        for number, defect in enumerate(DEFECTS):
            with made(defect, folder) as store:
                copies.append(Path(shutil.copytree(store, Path(text) / str(number))))
        names = sorted({defect.store for defect in DEFECTS})
        whole = dict(zip(names, judge(python, [folder / name for name in names]), strict=True))
        spoiled = list(zip(DEFECTS, judge(python, copies), strict=True))
    for validator in spoiled[0][1]:
        for level in LEVELS:
            asked = [v[validator] for d, v in spoiled if d.level == level and whole[d.store][validator] == "valid"]
            print(f"{validator}: {level}: {len(asked) - asked.count('valid')} of {len(asked)}")


if __name__ == "__main__":
    compare_stores(sys.argv[1])
    compare_outputs(sys.argv[1])
    compare_defects(sys.argv[1])
