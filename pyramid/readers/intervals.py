"""The time between frames, as it was planned and as it was measured."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from pyramid.readers.tiff.description import Description

# Part of the mean time between frames by which each may differ from it and from the plan: the jitter of software.
MAX_UNEVEN = 0.1


def measure_interval(found: Description, times_s: Sequence[float], what: str) -> None:
    """Hold the planned time between frames against the times of the frames.

    Times that are evenly spaced replace a plan that they do not keep. Without even times nothing is kept of the plan.

    Parameters
    ----------
    found
        What is known, perhaps with the planned size of t in seconds. It is changed.
    times_s
        The time of each frame, in seconds; fewer than two say nothing.
    what
        The file, as notices name it.

    Examples
    --------
    >>> found = Description({"t": 0.5}, {"t": "second"})
    >>> measure_interval(found, [0.0, 2.0, 4.0], "the file")
    >>> found.scale, found.notices
    ({'t': 2.0}, ['the file plans a frame each 0.5 s, and by its times one took 2 s, which is taken'])
    """
    steps = [b - a for a, b in itertools.pairwise(times_s)]
    if not steps:
        return
    mean, planned_s = (times_s[-1] - times_s[0]) / len(steps), found.scale.pop("t", None)
    found.units.pop("t", None)
    if mean <= 0 or any(abs(step - mean) > MAX_UNEVEN * mean for step in steps):
        found.notices.append(f"the times of frames in {what} are not evenly spaced; the size of t is not taken")
        return
    taken_s = float(f"{mean:.6g}")
    if planned_s is not None and abs(planned_s - mean) <= MAX_UNEVEN * planned_s:
        taken_s = planned_s
    elif planned_s is not None:
        found.notices.append(
            f"{what} plans a frame each {planned_s:g} s, and by its times one took {taken_s:g} s, which is taken"
        )
    found.measure("t", taken_s, "second", f"the times of frames in {what}")
