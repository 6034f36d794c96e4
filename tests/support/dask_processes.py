"""A Dask scheduler and workers, each a process of its own that can be killed, stopped and started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.paths import ROOT

WITHIN_S = 60


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class DaskProcesses:
    """A scheduler at a fixed port of this machine, and its workers.

    Parameters
    ----------
    folder
        Where they keep their files.
    path
        The ``PYTHONPATH`` of workers.
    """

    folder: Path
    path: str = str(ROOT)
    port: int = field(default_factory=free_port)
    scheduler: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def threads(self) -> int:
        """Threads of all workers that were started."""
        return sum(int(flags[flags.index("--nthreads") + 1]) for flags in (worker.args for worker in self.workers))

    def start_scheduler(self, *flags: str) -> None:
        words = ["--host", "127.0.0.1", "--port", str(self.port), "--dashboard-address", "127.0.0.1:0", *flags]
        self.scheduler = self._start("dask_scheduler", words, str(ROOT))
        until_s = time.monotonic() + WITHIN_S
        while time.monotonic() < until_s:
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("the scheduler does not answer")

    def start_worker(self, *flags: str, path: str | None = None, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        words = [self.address, "--no-nanny", "--host", "127.0.0.1", "--no-dashboard", *flags]
        words += [] if "--nthreads" in flags else ["--nthreads", "1"]
        worker = self._start("dask_worker", words, path or self.path, cwd)
        self.workers.append(worker)
        return worker

    def _start(self, module: str, words: list[str], path: str, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{module}", *words]
        log = (self.folder / f"{module}-{len(self.workers)}.log").open("wb")
        with log:
            return subprocess.Popen(
                command, env={**os.environ, "PYTHONPATH": path}, cwd=cwd or self.folder, stdout=log, stderr=log
            )

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            if process is not None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
