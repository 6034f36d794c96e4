"""The documents of the levels' arrays, as a plan describes them."""

from __future__ import annotations

from collections.abc import Iterator

from pyramid.block import FILL_VALUE
from pyramid.hierarchy.documents import ArrayForm, array_documents
from pyramid.ngff import FORMATS, Multiscale
from pyramid.ngff.n5 import level_attributes
from pyramid.planning import Plan
from pyramid.writing.codecs import compressors


def early_documents(plan: Plan) -> Iterator[tuple[str, bytes]]:
    """Yield key and body of each document that is written before the pixels.

    N5 has none: the documents of its levels make them look whole to viewers.
    """
    if FORMATS[plan.version].zarr_format != "n5":
        yield from _documents(plan, None)


def late_documents(plan: Plan, image: Multiscale) -> Iterator[tuple[str, bytes]]:
    """Yield key and body of each document that is written after the pixels.

    That of the group comes after them.
    """
    if FORMATS[plan.version].zarr_format == "n5":
        yield from _documents(plan, image)


def _documents(plan: Plan, image: Multiscale | None) -> Iterator[tuple[str, bytes]]:
    version = FORMATS[plan.version]
    for number in range(len(plan.levels) - len(plan.written), len(plan.levels)):
        level = plan.levels[number]
        form = ArrayForm(
            shape=level.shape,
            chunks=level.chunks,
            shards=level.shards,
            dtype=plan.spec.dtype,
            fill_value=FILL_VALUE,
            codecs=compressors(plan.encoding, version.zarr_format, plan.spec.item_bytes),
            dimension_names=plan.spec.axes if version.dimension_names else None,
            attributes={} if image is None else level_attributes(image, number),
        )
        for name, body in array_documents(version.zarr_format, form).items():
            yield f"{plan.level_path(number)}/{name}", body
