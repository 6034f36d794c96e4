"""Bio-Formats as another reader of CZI and LIF that are laid out by the public descriptions."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np
import pytest

from pyramid.options.convert import Options
from pyramid.readers import open_source
from pyramid.testing.sources import read
from tests.contract.readers import test_vendors
from tests.support.bioformats import Job, run_jobs
from tests.support.vendors.czi import XML, write_czi

# Colours by JPEG are left out: Bio-Formats takes red for blue there, and czifile does not.
CASES = (
    *("czi", "czi in colour", "czi by lzw", "czi in colour by lzw", "czi by jpeg", "czi by jpeg xr"),
    *("czi in several files", "lif"),
)


def test_pixels_are_those_that_bio_formats_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Bio-Formats does not read scenes whose XML has no positions.
    xml = re.sub("<S>.*</S>", "", XML, flags=re.DOTALL)
    monkeypatch.setattr(test_vendors, "write_czi", functools.partial(write_czi, xml=xml))
    paths, jobs = [], []
    for number, name in enumerate(CASES):
        (tmp_path / str(number)).mkdir()
        path, _ = test_vendors.CASES[name].make(tmp_path / str(number))
        paths.append(path)
        jobs.append(Job(str(path), pixels=str(tmp_path / f"pixels{number}")))
    answers = run_jobs(jobs)
    assert [answer for answer in answers if isinstance(answer, str)] == []
    for number, (name, path) in enumerate(zip(CASES, paths, strict=True)):
        series = test_vendors.CASES[name].series
        source = open_source(path, Options(series=series))
        extents = dict(zip(source.spec.axes, source.spec.shape, strict=True))
        theirs = np.load(tmp_path / f"pixels{number}" / f"{series or 0}.npy")
        ours = read(source).reshape([extents.get(axis, 1) for axis in "tczyx"])
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
