"""The end of a creation: its levels, made by the engine, and the metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyramid.planning import Plan

if TYPE_CHECKING:
    from pyramid.creating.run import CreationRun
    from pyramid.creating.storing import RegionStore
    from pyramid.engine.build import ProgressCallback
    from pyramid.image import Image


def build_levels(run: CreationRun, plan: Plan, store: RegionStore, progress: bool | ProgressCallback | None) -> Image:
    """Build the levels above level 0, and write the metadata."""
    raise NotImplementedError
