"""Folders that tests read from."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
TIFFS, OME_ZARRS = DATA / "tiff", DATA / "ome-zarr"
CORPUS = ROOT.parent / "shared" / "corpus"  # a larger collection; not every machine has it
