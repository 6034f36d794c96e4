"""What others say of an OME-Zarr: every validator and reader that works offline, as one assertion."""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import ome_zarr.io
import ome_zarr.reader
import tensorstore
import yaozarrs
import zarr
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it comes without types
from ome_zarr_models import open_ome_zarr
from referencing import Registry, Resource

from tests.support.paths import DATA

SCHEMAS = DATA / "ngff-spec"
DRIVERS = {2: "zarr", 3: "zarr3"}
# The folder of a version's schemas, where it has another name: that of 0.6 holds its release candidate. The final
# version differs in nothing but its name, which its own schema accepts beside that of the candidate.
FOLDERS = {"0.6": "0.6rc0"}
# Versions that yaozarrs, ome-zarr-models and ome-zarr-py read in the releases that run on the earliest Python.
READ_BY_ALL = ("0.4", "0.5")


def validate_everything(path: Path, version: str) -> None:
    """Assert that the image at `path` is a valid OME-Zarr of `version` to all who can tell.

    These are the specification's JSON schemas, yaozarrs, ome-zarr-models, and the readers zarr, tensorstore and
    ome-zarr-py, which must agree on every level's shape, dtype and last pixel.
    """
    group = zarr.open_group(path, mode="r", use_consolidated=False)
    attributes: dict[str, Any] = group.attrs.asdict()
    assert "pyramid" not in attributes, "the conversion is not finished"
    validate_attributes(attributes, version)
    if version in READ_BY_ALL:
        yaozarrs.validate_zarr_store(path)
        with warnings.catch_warnings(action="error"):
            model = open_ome_zarr(group)
        assert model.ome_zarr_version == version
    _compare_readers(path, group, attributes.get("ome", attributes)["multiscales"][0], version)


# The schemas of a group by the keys of its attributes, and whether there is one of what is recommended.
GROUPS = {"multiscales": "image", "image-label": "label", "plate": "plate", "well": "well"}
OTHER_GROUPS = {"series": "ome", "bioformats2raw.layout": "bf2raw"}


def validate_tree(path: Path, version: str) -> list[str]:
    """Assert that each group below `path` is valid by its schemas, also by those of what is recommended.

    The whole must be valid to yaozarrs and ome-zarr-models too, where they read such a version.

    Returns
    -------
    list of str
        The schemas of each group, by which one can tell what was there.
    """
    found = []
    for document in sorted([*path.rglob("zarr.json"), *path.rglob(".zattrs")]):
        attributes = json.loads(document.read_text())
        attributes = attributes if document.name == ".zattrs" else attributes.get("attributes", {})
        content = attributes.get("ome", attributes)
        names = [name for key, name in GROUPS.items() if key in content]
        others = [name for key, name in OTHER_GROUPS.items() if key in content]
        for name in (*names, *(f"strict_{name}" for name in names), *others):
            _validator(version, name).validate(attributes)
        if names or others:
            found.append(" ".join([*names, *others]))
    if version in READ_BY_ALL:
        yaozarrs.validate_zarr_store(path)
        is_collection = "bf2raw" in found
        if not is_collection or version == "0.4":  # the only one of which ome-zarr-models knows collections
            open_ome_zarr(zarr.open_group(path, mode="r", use_consolidated=False))
    return sorted(found)


def validate_attributes(attributes: Mapping[str, Any], version: str) -> None:
    """Assert that a group's attributes are JSON, and valid by the schemas of `version`."""
    instance = json.loads(json.dumps(attributes, allow_nan=False))
    content = instance.get("ome", instance)
    names = ["image", *(["label"] if "image-label" in content else [])]
    # What only the strict schemas want is recommended; a method is left out where there is one level alone.
    if "type" in content["multiscales"][0]:
        names += [f"strict_{name}" for name in names]
    for name in names:
        _validator(version, name).validate(instance)


@functools.cache
def _validator(version: str, name: str) -> Draft202012Validator:
    folder = SCHEMAS / FOLDERS.get(version, version)
    schemas = [json.loads(path.read_text()) for path in sorted(folder.glob("*.schema"))]
    for schema in schemas:
        if "enum" in schema and version in FOLDERS:
            schema["enum"].append(version)
    schema = json.loads((folder / f"{name}.schema").read_text())
    draft = "https://json-schema.org/draft/2020-12/schema"
    resources = (Resource.from_contents({"$schema": draft, **schema}) for schema in schemas)
    registry: Registry[Any] = Registry().with_resources((resource.id() or "", resource) for resource in resources)
    return Draft202012Validator(schema, registry=registry)


def _compare_readers(path: Path, group: zarr.Group, multiscale: Mapping[str, Any], version: str) -> None:
    """Assert that all readers see the same levels."""
    paths = [dataset["path"] for dataset in multiscale["datasets"]]
    seen = _read_with_ome_zarr(path) if version in READ_BY_ALL else [group[name] for name in paths]
    assert len(seen) == len(paths)
    for name, other in zip(paths, seen, strict=True):
        array = group[name]
        assert isinstance(array, zarr.Array)
        last = tuple(extent - 1 for extent in array.shape)
        spec = {"driver": DRIVERS[array.metadata.zarr_format], "kvstore": {"driver": "file", "path": f"{path / name}/"}}
        store = tensorstore.open(spec, open=True, read=True).result()
        assert tuple(store.shape) == tuple(other.shape) == array.shape
        assert store.dtype.numpy_dtype == array.dtype.newbyteorder("=")
        assert other.dtype == array.dtype
        assert np.asarray(array[last]).tobytes() == store[last].read().result().astype(array.dtype).tobytes()
        _compare_dimension_names(array, multiscale)


def _compare_dimension_names(array: zarr.Array[Any], multiscale: Mapping[str, Any]) -> None:
    """Assert that an array of Zarr format 3 names its axes as the image does."""
    axes = multiscale["axes"] if "axes" in multiscale else multiscale["coordinateSystems"][0]["axes"]
    if array.metadata.zarr_format == 3:
        assert array.metadata.dimension_names == tuple(axis["name"] for axis in axes)


def _read_with_ome_zarr(path: Path) -> list[Any]:
    """The levels as ome-zarr-py reads them: lazy arrays."""
    location = ome_zarr.io.parse_url(path)
    assert location is not None, "ome-zarr-py finds nothing"
    nodes = [node for node in ome_zarr.reader.Reader(location)() if node.zarr.path == location.path]
    return list(nodes[0].data)
