"""What one run of a program costs, as a whole process: imports, work and leaving."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

SPENT = "spent-"  # what folders begin with whose room is given back
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Cost:
    """One run.

    Parameters
    ----------
    wall_s
        From start to exit.
    cpu_s
        User and system time of the process and of its children that it waited for.
    peak_bytes
        Largest resident memory of the process, or of its largest child.
    work_s
        From the first pixel to the last piece of metadata, as the program tells it; None where it does not.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    work_s: float | None = None


class FailedRunError(RuntimeError):
    """A program that was measured ended with an error."""


def run_once(command: list[str], log: Path) -> Cost:
    """Run `command` at the repository's root, with its output in `log`, and return what it took.

    Raises FailedRunError with the log's end.
    """
    with log.open("wb") as out:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace")[-1500:]
        raise FailedRunError(f"{' '.join(command)} ended with {process.returncode}:\n{tail}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def median(costs: list[Cost]) -> Cost:
    """Return the median of each figure by itself."""
    work = [cost.work_s for cost in costs if cost.work_s is not None]
    return Cost(
        statistics.median(cost.wall_s for cost in costs),
        statistics.median(cost.cpu_s for cost in costs),
        int(statistics.median(cost.peak_bytes for cost in costs)),
        statistics.median(work) if work else None,
    )


def set_cache(path: Path, *, cold: bool) -> None:
    """Have the pages of the files under `path` dropped from memory, or read into it."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    for file in files:
        with file.open("rb", buffering=0) as opened:
            if cold:
                os.fsync(opened.fileno())
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            else:
                while opened.read(16 << 20):
                    pass


def give_back(target: Path) -> None:
    """Take what a run wrote out of the way, and give back its room but not its files: whoever owns the folder does.

    For a minute after files were deleted, ext4 takes half a millisecond of the processor to make another one.
    """
    if not target.is_dir():
        return
    for file in target.rglob("*"):
        if file.is_file():
            os.truncate(file, 0)
    target.rename(tempfile.mkdtemp(prefix=SPENT, dir=target.parent))


def machine() -> dict[str, object]:
    """Return what it ran on: processor, cores, memory and system."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.system(),
        "kernel": platform.release().split("-")[0],
        "python": platform.python_version(),
    }


def as_json(costs: list[Cost]) -> dict[str, object]:
    """Median and every round, for the record."""
    return {"median": asdict(median(costs)), "rounds": [asdict(cost) for cost in costs]}
