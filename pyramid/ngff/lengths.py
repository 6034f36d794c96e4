"""Lengths in micrometers, from the units of space."""

from __future__ import annotations

# Powers of ten of the prefixes of a meter.
_POWERS = {
    **{"yotta": 24, "zetta": 21, "exa": 18, "peta": 15, "tera": 12, "giga": 9, "mega": 6, "kilo": 3, "hecto": 2},
    **{"": 0, "deci": -1, "centi": -2, "milli": -3, "micro": -6, "nano": -9, "pico": -12, "femto": -15, "atto": -18},
    **{"zepto": -21, "yocto": -24},
}
_MICROMETERS = {
    **{f"{prefix}meter": float(f"1e{power + 6}") for prefix, power in _POWERS.items()},
    **{"angstrom": 1e-4, "inch": 25_400.0, "foot": 304_800.0, "yard": 914_400.0, "mile": 1_609_344_000.0},
    "parsec": 3.085677581491367e22,
}


def to_micrometers(size: float, unit: str | None) -> float | None:
    """Return a length in micrometers; None where the unit is unknown or none of space.

    Examples
    --------
    >>> to_micrometers(520, "nanometer"), to_micrometers(1, "pixel")
    (0.52, None)
    """
    factor = None if unit is None else _MICROMETERS.get(unit)
    if factor is None:
        return None
    # Division by a whole number is exact where multiplication by its inverse is not.
    return size * factor if factor >= 1 else size / round(1 / factor)
