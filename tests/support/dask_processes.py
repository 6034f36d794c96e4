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
from tests.support.servers.loopback import free_port

WITHIN_S = 60
# Workers here have limits that a Python process itself exceeds, since they are there for blocks of a few MB.
SETTINGS = {f"DASK_DISTRIBUTED__WORKER__MEMORY__{what}": "False" for what in ("TARGET", "SPILL", "PAUSE", "TERMINATE")}


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
    started_threads: list[int] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def threads(self) -> int:
        """Threads of all workers that were started."""
        return sum(self.started_threads)

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

    def start_worker(
        self, *flags: str, threads: int = 1, path: str | None = None, cwd: Path | None = None
    ) -> subprocess.Popen[bytes]:
        words = [self.address, "--no-nanny", "--host", "127.0.0.1", "--no-dashboard", "--nthreads", str(threads)]
        worker = self._start("dask_worker", [*words, *flags], path or self.path, cwd)
        self.workers.append(worker)
        self.started_threads.append(threads)
        return worker

    def _start(self, module: str, words: list[str], path: str, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{module}", *words]
        log = (self.folder / f"{module}-{len(self.workers)}.log").open("wb")
        with log:
            return subprocess.Popen(
                command,
                env={**os.environ, **SETTINGS, "PYTHONPATH": path},
                cwd=cwd or self.folder,
                stdout=log,
                stderr=log,
            )

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            if process is not None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
