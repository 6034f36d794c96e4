"""The picture and the manifest of an image, if options ask for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from pyramid.options.convert import Options
from pyramid.writing.metadata import Additions

if TYPE_CHECKING:
    from pyramid.engine.run_manifest import RunManifest
    from pyramid.planning import Plan
    from pyramid.stores import Objects
    from pyramid.writing.target import Target


def additions_of(
    options: Options, plan: Plan, target: Target, manifest: RunManifest | None = None, xml: bytes | None = None
) -> Additions:
    """Return the further metadata of an image, with OME-XML that it keeps."""
    return Additions(thumbnail_of(options, target, manifest), xml, foreign_attributes(options, plan))


def foreign_attributes(options: Options, plan: Plan) -> dict[str, Any]:
    """Return the attributes that are carried over, and those that options add."""
    carried: dict[str, Any] = json.loads(plan.spec.attributes or "{}")
    return {**carried, **(options.attributes or {})}


def thumbnail_of(
    options: Options, target: Target, manifest: RunManifest | None
) -> Callable[[Mapping[str, Any]], Mapping[str, Any]] | None:
    """Return the function that writes a picture of the image; None if none is wanted."""
    if not options.thumbnail:
        return None
    from pyramid.image.thumbnail import write_thumbnail  # noqa: PLC0415  (only for a picture)

    take = None if manifest is None else manifest.take
    where = (target.url, options.target_storage_options, target.zarr_format)
    return lambda attributes: write_thumbnail(*where, attributes, take)


def manifest_of(options: Options, plan: Plan, objects: Objects) -> AbstractContextManager[RunManifest | None]:
    """Return the manifest of a run, a context manager; None in it if none is wanted."""
    if options.manifest is None:
        return nullcontext()
    from pyramid.engine.run_manifest import RunManifest  # noqa: PLC0415  (only for a manifest)

    return RunManifest(options.manifest, plan, objects)
