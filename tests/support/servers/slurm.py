"""SLURM as a batch system: one node of this machine, from Debian's packages `slurm-wlm` and `munge`.

Nothing is outside its folder, no service of the system is needed, and all of it listens on loopback. It uses no control
groups, which a container may lack.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers.loopback import HOST, free_port

NODE = "node"
_WITHIN_S = 60
_SETTINGS = """\
ClusterName=tests
SlurmctldHost={this_host}({host})
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
SwitchType=switch/none
SchedulerParameters=sched_interval=1,batch_sched_delay=1
NodeName={node} NodeHostname={node} NodeAddr={host} CPUs={cores} RealMemory={memory_mb} State=UNKNOWN
PartitionName=normal Nodes={node} Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
"""


@dataclass(frozen=True)
class Slurm:
    """A batch system that runs.

    Parameters
    ----------
    folder
        Its configuration, logs and state.
    environment
        The variables with which its commands find it.
    """

    folder: Path
    environment: dict[str, str]

    def jobs(self) -> list[str]:
        """The jobs that wait or run, one a line of ``squeue``."""
        command = ["squeue", "--noheader", "--format", "%i %T"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()


@contextlib.contextmanager
def running_slurm(folder: Path) -> Iterator[Slurm]:
    """Start munge, the controller and one node; they end with the context."""
    for name in ("state", "spool", "munge"):
        (folder / name).mkdir(mode=0o700)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    settings = _SETTINGS.format(
        this_host=socket.gethostname().partition(".")[0],
        node=NODE,
        host=HOST,
        folder=folder,
        controller_port=free_port(),
        node_port=free_port(),
        cores=os.cpu_count(),
        memory_mb=_memory_mb(),
    )
    (folder / "slurm.conf").write_text(settings)
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    munge = [
        *("munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={folder}/munge.key"),
        *(f"--pid-file={folder}/munge/pid", f"--log-file={folder}/munge/log", f"--seed-file={folder}/munge/seed"),
    ]
    commands = [
        munge,
        ["slurmctld", "-D", "-f", f"{folder}/slurm.conf"],
        ["slurmd", "-D", "-N", NODE, "-f", f"{folder}/slurm.conf"],
    ]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            with (folder / f"{command[0]}.out").open("wb") as log:
                started.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
            if command is munge:
                _wait_for(lambda: (folder / "munge.socket").exists(), folder)
        _wait_for(lambda: _is_idle(environment), folder)
        yield Slurm(folder, environment)
    finally:
        for process in reversed(started):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _memory_mb() -> int:
    """A node's memory: nine tenths of the machine's, for one that claims more than it has is drained."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 9 // 10 >> 20


def _is_idle(environment: dict[str, str]) -> bool:
    done = subprocess.run(["sinfo", "--noheader", "--format", "%T"], env=environment, capture_output=True, text=True)
    return done.stdout.strip() == "idle"


def _wait_for(is_ready: object, folder: Path) -> None:
    assert callable(is_ready)
    until_s = time.monotonic() + _WITHIN_S
    while time.monotonic() < until_s:
        if is_ready():
            return
        time.sleep(0.1)
    logs = "\n".join(path.read_text(errors="replace")[-1500:] for path in sorted(folder.glob("*.*")) if path.is_file())
    raise AssertionError(f"SLURM does not start:\n{logs}")
