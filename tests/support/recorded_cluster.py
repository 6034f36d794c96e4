"""A cluster of worker processes that leaves a file when it starts, and one when it is closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distributed import LocalCluster


class RecordedCluster(LocalCluster):  # type: ignore[misc]  # distributed has no types
    """A LocalCluster that records its life in a folder."""

    def __init__(self, folder: str, **rest: Any) -> None:
        self._folder = Path(folder)
        (self._folder / "started").touch()
        super().__init__(host="127.0.0.1", dashboard_address="127.0.0.1:0", threads_per_worker=1, **rest)

    def close(self, timeout: Any = None) -> Any:
        closed = super().close(timeout)
        (self._folder / "closed").touch()
        return closed


class FailingCluster(LocalCluster):  # type: ignore[misc]  # as above
    """A cluster whose service refuses."""

    def __init__(self) -> None:
        raise RuntimeError("sbatch: error: invalid account")


class NotACluster:
    """A class of something else."""
