"""Where each tool lives: an environment of its own, made by name and version; ours holds what it needs to run.

Peers pin each other's dependencies away, so none shares an environment. The folder is git-ignored.

    python -m benchmarks.envs            # all of them
    python -m benchmarks.envs ngff-zarr  # one
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
DEFAULT_FOLDER = HERE / "envs"
TIFF = ("tifffile==2026.3.3", "imagecodecs==2026.3.6")  # what reads the source, the same for all

LAZY = ("zarr", "dask")  # kinds of input for tools that take any Dask array


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool to measure against.

    Parameters
    ----------
    name
        What tables call it.
    adapter
        File name of the program under ``adapters/`` that runs it.
    requirements
        What ``pip`` installs into its environment; empty where the system's packages bring the tool.
    command
        A command that must be there, where the tool is a program of the system.
    hint
        How to install that command.
    kinds
        Kinds of input that its adapter takes: ``stack`` (TIFF to Zarr), ``slide`` (TIFF to TIFF too), ``zarr`` and
        ``dask``; none where `benchmarks.object_store` or `benchmarks.camera` alone runs it.
    """

    name: str
    adapter: str
    requirements: tuple[str, ...] = ()
    command: str = ""
    hint: str = ""
    kinds: tuple[str, ...] = ("stack",)


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "ome-zarr-py",
            "ome_zarr_py.py",
            ("ome-zarr==0.18.0", "tifffile", "imagecodecs"),
            kinds=("stack", "slide", *LAZY),
        ),
        Peer("ngff-zarr", "ngff_zarr_cli.py", ("ngff-zarr[cli]==0.50.0", "imagecodecs"), kinds=("stack", "slide")),
        Peer("bioio-ome-zarr", "bioio_writer.py", ("bioio-ome-zarr==3.8.1", *TIFF), kinds=("stack", *LAZY)),
        Peer("ome-zarr-pyramid", "ome_zarr_pyramid_api.py", ("ome_zarr_pyramid==0.4.0", *TIFF)),
        Peer("eubi-bridge", "eubi_bridge.py", ("eubi-bridge-lite==0.3.2",)),
        Peer("acquire-zarr", "acquire_stream.py", ("acquire-zarr==0.10.0", *TIFF)),
        Peer("ome-writers", "camera_stream.py", ("ome-writers[acquire-zarr]==0.3.2",), kinds=()),
        Peer("zarr-s3fs", "zarr_s3fs.py", ("zarr==3.1.6", "s3fs==2026.9.0", *TIFF), kinds=()),
        Peer("libvips", "vips_tiffsave.py", command="vips", hint="apt-get install libvips-tools", kinds=("slide",)),
    )
}

ROOT = HERE.parent
OURS = Peer("ome-pyramid", "", ("--constraint", str(ROOT / "constraints.txt"), "--editable", str(ROOT)))


def python_of(peer: Peer, folder: Path = DEFAULT_FOLDER) -> Path:
    """Return the interpreter that runs `peer`'s adapter: its environment's, or the running one for a system program."""
    return folder / peer.name / "bin" / "python" if peer.requirements else Path(sys.executable)


def is_installed(peer: Peer, folder: Path = DEFAULT_FOLDER) -> bool:
    """Whether `peer` can run: its environment was finished, or its command is on the path."""
    if peer.command:
        return shutil.which(peer.command) is not None
    return (folder / peer.name / "finished").exists()


def install(peer: Peer, folder: Path = DEFAULT_FOLDER) -> None:
    """Make `peer`'s environment; a marker written last tells a finished one from one that was cut short."""
    if is_installed(peer, folder):
        return
    if peer.command:
        raise SystemExit(f"{peer.name} needs the command {peer.command!r}: {peer.hint}")
    venv.create(folder / peer.name, with_pip=True, clear=True)
    pip = [str(python_of(peer, folder)), "-m", "pip", "install", "--quiet", "--prefer-binary"]
    subprocess.run([*pip, *peer.requirements], check=True)
    (folder / peer.name / "finished").write_text("\n".join(peer.requirements), encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Install the peers that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*", metavar="PEER", help=f"of {', '.join(PEERS)}; all by default")
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER)
    given = parser.parse_args(arguments)
    for name in given.peers or PEERS:
        if name not in PEERS:
            parser.error(f"there is no peer {name!r}; they are {', '.join(PEERS)}")
        print(f"{name} ...", flush=True)
        install(PEERS[name], given.folder)


if __name__ == "__main__":
    main()
