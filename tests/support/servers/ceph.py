"""S3 as production has it: Ceph's radosgw over a cluster of one monitor and one storage daemon, which is all memory.

It refuses wrong secrets and corrupted bodies. It runs from Debian's packages `radosgw`, `ceph-mon`, `ceph-osd` and
`ceph-base`, with nothing outside its folder and no service of the system.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.servers.loopback import HOST, free_port, running, wait_until_answers
from tests.support.servers.service import Service, make_s3_bucket

KEY, SECRET = "tester", "another-secret-that-is-told-to-nobody"
BUCKET = "images"
_COMMAND_WITHIN_S = 60
# One copy on one disk is against all that Ceph stands for and must be asked for in many words; `auth_*` is what makes
# it refuse. The monitor decides 20 times a second and not each second, which is what starting would else wait for.
_SETTINGS = """\
[global]
fsid = {fsid}
mon_initial_members = a
mon_host = [v2:{host}:{mon_port}]
ms_bind_msgr1 = false
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
auth_allow_insecure_global_id_reclaim = false
keyring = {folder}/keyring
mon_data = {folder}/mon
osd_data = {folder}/osd
rgw_data = {folder}/rgw
run_dir = {folder}
crash_dir = {folder}
log_file = {folder}/$name.log
admin_socket =
pid_file =
mon_allow_pool_size_one = true
mon_data_avail_crit = 0
paxos_propose_interval = 0.05
osd_objectstore = memstore
memstore_device_bytes = {memory_bytes}
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_class_update_on_start = false
rgw_frontends = beast endpoint={host}:{rgw_port}
rgw_thread_pool_size = 32
[osd]
public_addr = {host}
cluster_addr = {host}
"""
_KEYS = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *", "mgr": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *"},
}


@contextlib.contextmanager
def radosgw(folder: Path, bucket: str = BUCKET, memory_bytes: int = 2**31) -> Iterator[Service]:
    """A cluster with a gateway, a user and a bucket; its settings, keys and logs are in `folder`."""
    rgw_port, osd = free_port(), str(uuid.uuid4())
    conf = {"CEPH_CONF": str(_configure(folder, rgw_port, memory_bytes))}
    _make_keys(folder)
    _call(conf, "ceph-mon", "-i", "a", "--mkfs", "--keyring", f"{folder}/keyring")
    with running(["ceph-mon", "-i", "a", "-f"], folder / "mon.out", environment=conf):
        _call(conf, "ceph", "--connect-timeout", str(_COMMAND_WITHIN_S), "osd", "new", osd)
        _call(conf, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        with running(["ceph-osd", "-i", "0", "-f"], folder / "osd.out", environment=conf):
            user = ["--uid=tests", "--display-name=tests", f"--access-key={KEY}", f"--secret={SECRET}"]
            _call(conf, "radosgw-admin", "user", "create", *user)
            log = folder / "rgw.out"
            with running(["radosgw", "-n", "client.admin", "-f"], log, environment=conf) as server:
                options = {"key": KEY, "secret": SECRET, "region": "us-east-1"}
                service = Service("s3", bucket, f"http://{HOST}:{rgw_port}", options)
                wait_until_answers(service.endpoint, server, log)
                make_s3_bucket(service)
                yield service


def _configure(folder: Path, rgw_port: int, memory_bytes: int) -> Path:
    for name in ("mon", "osd", "rgw"):
        (folder / name).mkdir(parents=True)
    ports = {"mon_port": free_port(), "rgw_port": rgw_port}
    conf = folder / "ceph.conf"
    conf.write_text(_SETTINGS.format(fsid=uuid.uuid4(), host=HOST, folder=folder, memory_bytes=memory_bytes, **ports))
    return conf


def _make_keys(folder: Path) -> None:
    keyring = str(folder / "keyring")
    _call({}, "ceph-authtool", "--create-keyring", keyring)
    for name, caps in _KEYS.items():
        flags = [part for service, what in caps.items() for part in ("--cap", service, what)]
        _call({}, "ceph-authtool", keyring, "--gen-key", "-n", name, *flags)


def _call(conf: Mapping[str, str], *command: str) -> None:
    """Run a command of Ceph's; raises RuntimeError with what it said where it fails."""
    done = subprocess.run(
        command, env={**os.environ, **conf}, capture_output=True, text=True, timeout=_COMMAND_WITHIN_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
