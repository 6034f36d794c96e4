"""Strategies of hypothesis that more than one test draws images from."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st


def generators() -> st.SearchStrategy[np.random.Generator]:
    """NumPy's random generators, each known by its seed."""
    return st.integers(0, 2**32 - 1).map(np.random.default_rng)


kinds = st.sampled_from(["few", "extreme", "any"])
