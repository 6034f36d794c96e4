"""The specification's own tests: attributes of a group, and whether they are valid."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zarr

from tests.support.paths import CORPUS, DATA

SUITES = DATA / "ngff-spec"
# The collection holds all of them; the repository a choice.
ALL_SUITES = CORPUS / "ome+ngff-spec"


@dataclass(frozen=True)
class Case:
    """Attributes of a group, and the verdict of the suite."""

    name: str
    version: str
    attributes: Mapping[str, Any]
    is_strict: bool
    is_valid: bool

    def is_at(self, version: str, end: str) -> bool:
        """Whether the case is of this version and its name ends so."""
        return self.version == version and self.name.endswith(end)

    def write(self, folder: Path) -> None:
        """Write the group that has these attributes."""
        if self.version < "0.5":
            (folder / ".zgroup").write_text('{"zarr_format": 2}')
            (folder / ".zattrs").write_text(json.dumps(self.attributes))
            return
        document = {"zarr_format": 3, "node_type": "group", "attributes": self.attributes}
        (folder / "zarr.json").write_text(json.dumps(document))

    def write_with_arrays(self, folder: Path) -> None:
        """Write the group, and the arrays that it names as levels."""
        self.write(folder)
        for item in self.attributes.get("ome", self.attributes).get("multiscales", ()):
            axes, is_v2 = item.get("axes", "tczyx"), self.version < "0.5"
            encoding: Any = {"name": "v2", "separator": "." if self.version == "0.1" else "/"}
            for level, dataset in enumerate(item["datasets"]):
                zarr.create_array(
                    folder / dataset["path"],
                    shape=(64 >> level,) * len(axes),
                    chunks=(8,) * len(axes),
                    dtype="uint8",
                    zarr_format=2 if is_v2 else 3,
                    chunk_key_encoding=encoding if is_v2 else None,
                    dimension_names=None if is_v2 else [axis["name"] for axis in axes],
                )


def different_cases() -> list[Case]:
    """Every case of all suites at hand, those with the same version and attributes once."""
    found = [case for root in (ALL_SUITES, SUITES) for case in cases(root)]
    return list({(case.version, str(case.attributes)): case for case in found}.values())


def cases(root: Path) -> Iterator[Case]:
    """Every case of the suites in a folder, in whichever of their forms; none where it does not exist."""
    for path in sorted(root.rglob("*.json")):
        name = str(path.relative_to(root))
        version, is_strict, document = name.partition("/")[0], "strict" in name, _read(path)
        if path.name.endswith("_suite.json"):
            for test in document["tests"]:
                yield Case(f"{name}: {test['formerly']}", version, test["data"], is_strict, test["valid"])
        elif {"valid", "invalid"} & set(path.parts) and (path.name != "zarr.json" or "attributes" in document):
            attributes = document["attributes"] if path.name == "zarr.json" else document
            yield Case(name, version, attributes, is_strict, "valid" in path.parts)


def _read(path: Path) -> Any:
    """The document of a file; some examples have comments, and are no cases."""
    try:
        return json.loads(path.read_text())
    except ValueError:
        return {}
