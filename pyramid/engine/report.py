"""What a run or a plan tells a machine: the report."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pyramid.errors import TargetError
from pyramid.planning import Plan

if TYPE_CHECKING:
    from pyramid.writing.estimate import Estimate

REPORTED = ("ome-pyramid", "numpy", "dask", "zarr", "tifffile", "imagecodecs", "numba", "obstore")


@dataclass(frozen=True)
class Result:
    """What a run did.

    Parameters
    ----------
    plan
        What was done.
    target
        Where.
    seconds
        From the first block to the last piece of metadata.
    retries
        How often a block was done again.
    requests_again
        How often a request to a store was made again.
    """

    plan: Plan
    target: str
    seconds: float
    retries: int
    requests_again: int = 0

    @property
    def source_bytes(self) -> int:
        """Bytes of the source's pixels."""
        return math.prod(self.plan.spec.shape) * np.dtype(self.plan.spec.dtype).itemsize

    def summary(self) -> str:
        """One line for a terminal."""
        rate = self.source_bytes / max(self.seconds, 1e-9)
        return f"{self.source_bytes / 1e6:.1f} MB in {self.seconds:.2f} s, {rate / 1e6:.0f} MB/s"

    def to_dict(self) -> dict[str, Any]:
        """The report, for JSON."""
        return {
            "target": self.target,
            "source": self.plan.spec.location,
            "seconds": self.seconds,
            "source_bytes": self.source_bytes,
            "bytes_per_second": self.source_bytes / max(self.seconds, 1e-9),
            "retries": self.retries,
            "requests_again": self.requests_again,
            "versions": {name: version(name) for name in REPORTED},
            "plan": self.plan.to_dict(),
        }


def plan_report(plan: Plan, estimate: Estimate | None) -> dict[str, Any]:
    """A plan, and what a sample told of it, for JSON."""
    return plan.to_dict() | ({"estimate": estimate.to_dict()} if estimate else {})


def check_report(path: str) -> None:
    """Refuse a report that could not be written, which would be known only when the work is done."""
    folder = Path(path).expanduser().absolute().parent
    if Path(path).expanduser().is_dir() or not os.access(folder, os.W_OK):
        raise TargetError(f"report: {path} cannot be written; give a file in a folder that is there and can be written")


def write_report(told: Mapping[str, Any], path: str) -> None:
    """Write a report as JSON. Raises TargetError where it cannot be written."""
    try:
        Path(path).expanduser().write_text(json.dumps(told, indent=2) + "\n")
    except OSError as error:
        raise TargetError(f"report: {path} cannot be written: {error.strerror}; all else is done") from error
