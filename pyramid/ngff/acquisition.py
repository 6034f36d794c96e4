"""Facts of the acquisition of an image, by its source.

OME-Zarr has no place for them, so they are kept under ``_creator``, and read from there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pyramid.model import Channel
from pyramid.tables import format_list, shorten

# The facts that are kept. Others, as what is kept of a source's own metadata, are only for the plan.
KEPT = ("acquired", "objective", "objective magnification")
_EMISSION = "emission_nm"  # wavelengths of the channels in nm, None for one that is not known


def kept_acquisition(details: Sequence[tuple[str, str]], channels: Sequence[Channel]) -> dict[str, Any]:
    """Return what is kept of a source's details and channels, ready for JSON.

    Examples
    --------
    >>> kept_acquisition([("objective", "Plan 20x")], [Channel("DAPI", emission_nm=465.0), Channel("GFP")])
    {'objective': 'Plan 20x', 'emission_nm': [465.0, None]}
    """
    found: dict[str, Any] = {name: text for name, text in details if name in KEPT}
    waves = [channel.emission_nm for channel in channels]
    return found | ({_EMISSION: waves} if any(waves) else {})


def acquisition_details(provenance: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the facts that an image keeps, each with its name."""
    return tuple(
        (name, shorten(text)) for name in KEPT if isinstance(text := provenance.get(name), str) and text.strip()
    )


def with_emission(channels: Sequence[Channel], provenance: Mapping[str, Any]) -> tuple[Channel, ...]:
    """Return channels with the wavelengths that an image keeps, if each has one."""
    waves = provenance.get(_EMISSION)
    if not isinstance(waves, list) or len(waves) != len(channels):
        return tuple(channels)
    return tuple(replace(channel, emission_nm=_wave(wave)) for channel, wave in zip(channels, waves, strict=True))


def emission_facts(channels: Sequence[Channel]) -> Iterator[tuple[str, str]]:
    """Yield the wavelengths of channels with their name, if any is known.

    Examples
    --------
    >>> list(emission_facts([Channel("DAPI", emission_nm=465.0), Channel("GFP")]))
    [('emission', 'DAPI 465 nm')]
    """
    known = [(i, channel) for i, channel in enumerate(channels) if channel.emission_nm is not None]
    if known:
        texts = [f"{shorten(channel.name or f'channel {i}')} {channel.emission_nm:.6g} nm" for i, channel in known]
        yield "emission", format_list(texts)


def _wave(given: object) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    return float(given) if 0 < given < math.inf else None
