"""Print the verdicts of other validators on stores, as JSON; run in an environment that has them.

python validators.py STORE...
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import ngff_zarr
import numpy as np
import ome_zarr.io
import ome_zarr.reader
import yaozarrs
import zarr
from ome_zarr_models import open_ome_zarr

MODELS = {"image-label": "label", "multiscales": "image", "plate": "plate", "well": "well"}


def attributes_of(path: Path) -> dict[str, Any]:
    """Return the attributes of a group, empty if there are none."""
    if (path / "zarr.json").exists():
        return json.loads((path / "zarr.json").read_text()).get("attributes", {})
    return json.loads((path / ".zattrs").read_text()) if (path / ".zattrs").exists() else {}


def ngff_zarr_validate(path: Path, *, is_root: bool = True) -> None:
    """Validate the attributes of a group and of those below it that it names; it validates one at a time."""
    found = attributes_of(path)
    content = found.get("ome", found)
    holders = [content, *content.get("multiscales", [])[:1], *(content.get(key, {}) for key in MODELS)]
    version = next((one["version"] for one in holders if isinstance(one, dict) and one.get("version")), "0.4")
    model = next((model for key, model in MODELS.items() if key in content), None)
    if model is None:
        if is_root:
            raise NotImplementedError
        return
    ngff_zarr.validate(found, version=version, model=model)
    below = [
        one["path"] for one in (*content.get("plate", {}).get("wells", []), *content.get("well", {}).get("images", []))
    ]
    labels = attributes_of(path / "labels")
    below += [f"labels/{name}" for name in labels.get("ome", labels).get("labels", [])]
    for name in below:
        ngff_zarr_validate(path / name, is_root=False)


def open_with_models(path: Path) -> None:
    """Open the group with the models of ome-zarr-models."""
    open_ome_zarr(zarr.open_group(path, mode="r", use_consolidated=False))


def read_with_ome_zarr(path: Path) -> None:
    """Read the last pixel of every level that ome-zarr-py finds."""
    nodes = [node for node in ome_zarr.reader.Reader(ome_zarr.io.parse_url(path))() if node.data]
    if not nodes:
        raise NotImplementedError
    for level in (level for node in nodes for level in node.data):
        np.asarray(level[tuple(extent - 1 for extent in level.shape)])


VALIDATORS = {
    "yaozarrs": yaozarrs.validate_zarr_store,
    "ome-zarr-models": open_with_models,
    "ngff-zarr": ngff_zarr_validate,
    "ome-zarr-py": read_with_ome_zarr,
}


def verdict(name: str, path: Path) -> str:
    """Return ``valid``, ``not valid``, or ``does not read`` where a validator has nothing for what is there."""
    try:
        VALIDATORS[name](path)
    except NotImplementedError:
        return "does not read"
    except Exception:  # each refuses by errors of its own
        return "not valid"
    return "valid"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps([{name: verdict(name, Path(path)) for name in VALIDATORS} for path in sys.argv[1:]]))
