"""The report of a run or a plan, as JSON for other programs."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.errors import TargetError
from pyramid.planning import Plan

if TYPE_CHECKING:
    from pyramid.writing.estimate import Estimate

# Packages whose versions a report names: the ones that its figures depend on.
REPORTED = ("ome-pyramid", "numpy", "dask", "zarr", "tifffile", "imagecodecs", "numba", "obstore")


@dataclass(frozen=True)
class Result:
    """The outcome of a run.

    Parameters
    ----------
    plan
        The plan that was carried out.
    target
        Path or URL of the target.
    seconds
        Time from the first block to the last piece of metadata.
    retries
        Number of times that a block was repeated.
    requests_again
        Number of times that a request to a store was repeated.
    """

    plan: Plan
    target: str
    seconds: float
    retries: int
    requests_again: int = 0

    @property
    def source_bytes(self) -> int:
        """Size of the source's pixels in bytes."""
        return math.prod(self.plan.spec.shape) * np.dtype(self.plan.spec.dtype).itemsize

    @property
    def bytes_per_second(self) -> float:
        """Size of the source's pixels in bytes that are converted in a second."""
        return self.source_bytes / max(self.seconds, 1e-9)

    def summary(self) -> str:
        """Return the result as one line for a terminal."""
        return f"{self.source_bytes / 1e6:.1f} MB in {self.seconds:.2f} s, {self.bytes_per_second / 1e6:.0f} MB/s"

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return {
            "target": self.target,
            "source": self.plan.spec.location,
            "seconds": self.seconds,
            "source_bytes": self.source_bytes,
            "bytes_per_second": self.bytes_per_second,
            "retries": self.retries,
            "requests_again": self.requests_again,
            "notices": list(self.plan.spec.notices),
            "versions": {name: version(name) for name in REPORTED},
            "plan": self.plan.to_dict(),
        }


def plan_report(plan: Plan, estimate: Estimate | None) -> dict[str, Any]:
    """Return a plan for JSON, with its estimate if there is one."""
    notices = {"notices": list(plan.spec.notices)}
    return plan.to_dict() | notices | ({"estimate": asdict(estimate)} if estimate else {})


def check_report(path: str) -> None:
    """Check that a report can be written.

    Otherwise the error would come only after all work is done.

    Raises
    ------
    TargetError
        If `path` is a folder, or its folder does not exist or cannot be written to.
    """
    folder = Path(path).expanduser().absolute().parent
    if Path(path).expanduser().is_dir() or not os.access(folder, os.W_OK):
        raise TargetError(
            f"report: {path} cannot be written; give a file in a folder that exists and that you may write to"
        )


def write_report(report: Mapping[str, Any], path: str) -> None:
    """Write a report as JSON.

    Raises
    ------
    TargetError
        If it cannot be written.
    """
    try:
        Path(path).expanduser().write_text(json.dumps(report, indent=2) + "\n")
    except OSError as error:
        raise TargetError(f"report: {path} cannot be written: {error.strerror}; all else is done") from error
