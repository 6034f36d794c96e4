"""The document of a group with added levels; all else that it holds is kept."""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyramid.errors import SourceError, TargetError
from pyramid.hierarchy.documents import encode_document
from pyramid.hierarchy.nodes import parse_document
from pyramid.ngff import FORMATS, PROGRAM, Dataset, Multiscale, OmeroChannel, attributes
from pyramid.ngff.metadata import Attributes
from pyramid.ngff.transforms import Placement, read_list
from pyramid.ngff.values import list_or_empty, mapping, mapping_or_empty
from pyramid.ngff.version import first_image
from pyramid.planning import Plan

# The keys of an item of ``multiscales`` that say how its levels were made.
_METHOD_KEYS = ("type", "metadata")


@dataclass(frozen=True)
class NewLevels:
    """The levels of an image, as its document is to name them.

    Parameters
    ----------
    plan
        The plan of the run.
    image
        The metadata that the group had; None where it was no image.
    channels
        Display settings, for a group that was no image.
    centred
        Whether the method's pixel is at the centre of its window.
    """

    plan: Plan
    image: Multiscale | None
    channels: tuple[OmeroChannel, ...]
    centred: bool

    def multiscale(self, placed: Placement | None = None) -> Multiscale:
        """Return the metadata of the image with all its levels.

        Parameters
        ----------
        placed
            Scale and translation of level 0 in its document; None for those of the plan.
        """
        plan, spec = self.plan, self.plan.spec
        datasets = []
        for number, level in enumerate(plan.levels):
            scale, translation = level.scale, level.translation
            if placed is not None:
                scale = tuple(map(operator.mul, placed.scale, level.total))
                translation = tuple(
                    a + s * (f - 1) / 2 if self.centred else a
                    for a, s, f in zip(placed.translation, placed.scale, level.total, strict=True)
                )
            datasets.append(Dataset(plan.level_path(number), scale, translation))
        moved = any(any(dataset.translation or ()) for dataset in datasets)
        kept = [dataset if moved else replace(dataset, translation=None) for dataset in datasets]
        depth = spec.shape[spec.axes.index("z")] // 2 if "z" in spec.axes else 0
        return Multiscale(
            spec.axes,
            spec.units,
            tuple(kept),
            name=spec.name,
            method=plan.method,
            nodata=plan.nodata,
            channels=self.channels,
            default_z=depth,
        )

    def document(self, body: bytes | None, key: str) -> bytes:
        """Return the document of the group with the levels, from the present one.

        Raises
        ------
        TargetError
            If it names another level 0 than the levels are made of.
        """
        document: dict[str, Any] = {} if body is None else json.loads(json.dumps(parse_document(body, key)))
        version = FORMATS[self.plan.version]
        if version.zarr_format != 3:
            return encode_document(self._merged(document))
        held = dict(mapping(document.get("attributes", {}), f"{key}: attributes"))
        document["attributes"] = self._merged(held)
        document.pop("consolidated_metadata", None)  # its copies of the documents of members are old now
        return encode_document(document)

    def _merged(self, held: dict[str, Any]) -> dict[str, Any]:
        """Return attributes with the levels in them."""
        below_ome = FORMATS[self.plan.version].below_ome
        content = dict(mapping_or_empty(held.get("ome"))) if below_ome else held
        first = first_image(content)
        if bool(first) != (self.image is not None) and (first or self.plan.version != "n5"):
            raise _changed()
        merged = self._of_image(content, first) if first else self._of_group(content)
        return {**held, "ome": merged} if below_ome else merged

    def _of_group(self, content: dict[str, Any]) -> dict[str, Any]:
        """Return the content of a group that becomes an image."""
        made = attributes(self.multiscale(), self.plan.version)
        made = made.get("ome", made)
        return {**content, **made}

    def _of_image(self, content: dict[str, Any], first: Attributes) -> dict[str, Any]:
        """Return the content of an image with other levels."""
        listed = list_or_empty(first.get("datasets"))
        base = mapping_or_empty(next(iter(listed), None))
        if base.get("path") != self.plan.level_path(0):
            raise _changed()
        rest = list_or_empty(content["multiscales"])[1:]
        if self.plan.version == "n5":
            whole = attributes(self.multiscale(), self.plan.version)
            return {**content, **whole, "multiscales": [{**first, **whole["multiscales"][0]}, *rest]}
        whole = attributes(self.multiscale(self._placement(base)), self.plan.version)
        made = whole.get("ome", whole)["multiscales"][0]
        item = {**first, **{name: made[name] for name in _METHOD_KEYS if name in made}}
        item["metadata"] = {**mapping_or_empty(first.get("metadata")), **item["metadata"]}
        if self.plan.nodata is None:
            item["metadata"].pop("nodata", None)
        item["datasets"] = [base, *(_like(dataset, base) for dataset in made["datasets"][1:])]
        return self._with_creator({**content, "multiscales": [item, *rest]})

    def _with_creator(self, content: dict[str, Any]) -> dict[str, Any]:
        creator = mapping_or_empty(content.get("_creator"))
        if creator.get("name") != PROGRAM:
            return content
        return {**content, "_creator": {**creator, "method": self.plan.method, "added_levels": True}}

    def _placement(self, base: Attributes) -> Placement:
        """Return the scale and translation of level 0, without those of the image."""
        axes = self.plan.spec.axes
        placed = read_list(base.get("coordinateTransformations"), axes, "coordinateTransformations")
        if placed.unread:
            raise SourceError(
                f"level 0 is placed by more than a scale and a translation ({placed.unread[0]}), so no levels are "
                "added; pyramid convert writes an image with levels, to another target"
            )
        return placed


def _changed() -> TargetError:
    return TargetError("its metadata was changed by another program in the meantime; run the command again")


def _like(dataset: dict[str, Any], base: Attributes) -> dict[str, Any]:
    """Return a level that leads to the coordinate system of level 0, where it has one."""
    ends = mapping_or_empty(_first(list_or_empty(base.get("coordinateTransformations"))))
    moves: list[dict[str, Any]] = dataset["coordinateTransformations"]
    if "output" in ends:
        within = isinstance(ends.get("input"), Mapping)
        given = {"input": {"path": dataset["path"]} if within else dataset["path"], "output": ends["output"]}
        moves = [{**move, **given} for move in moves]
    return {**dataset, "coordinateTransformations": moves}


def _first(items: Sequence[Any]) -> object:
    return next(iter(items), None)
