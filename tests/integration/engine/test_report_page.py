"""The report of a run as a page, and what it adds to the JSON."""

from __future__ import annotations

import base64
import gc
import html
import json
import os
import pickle
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from distributed import Client, LocalCluster
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it comes without types

import pyramid
from pyramid.engine import timeline
from pyramid.engine.receipt import Receipt
from pyramid.engine.stages import StageTimes
from pyramid.engine.timeline import Span, Timeline
from pyramid.errors import OptionError, SourceError, TargetError
from pyramid.image.reported import BINS

PIXELS = np.random.default_rng(8).integers(0, 4000, (2, 300, 280), "uint16")
SCHEMA = json.loads((files("pyramid") / "data" / "report.schema.json").read_text(encoding="utf-8"))


def test_an_image_has_the_report_of_its_run_for_a_notebook(tmp_path: Path) -> None:
    pixels = PIXELS.copy()
    held = sys.getrefcount(pixels)
    image = pyramid.convert(pixels, tmp_path / "t.ome.zarr", axes="cyx", name="<b>cells")
    report = image.report
    assert isinstance(report, pyramid.RunReport)
    gc.collect()
    assert sys.getrefcount(pixels) == held  # the report does not keep the pixels
    assert "outcome  done" in str(report)
    assert "an array" in str(report)
    assert "2 x 300 x 280" in str(report)
    shown = report._repr_html_()
    page = html.unescape(re.findall('srcdoc="([^"]*)"', shown)[0])
    assert page == report.page()
    assert "<b>cells" not in page
    assert "<h2>Blocks by worker</h2>" in page
    Draft202012Validator(SCHEMA).validate(report.to_dict())
    assert pickle.loads(pickle.dumps(image)).report is None
    assert pyramid.open(tmp_path / "t.ome.zarr").report is None


def test_a_page_shows_the_picture_and_the_run(tmp_path: Path) -> None:
    file = tmp_path / "r.html"
    target = tmp_path / "t.ome.zarr"
    for _ in range(2):  # the second replaces the first
        pyramid.convert(PIXELS, target, axes="cyx", name="<b>cells", report=str(file), overwrite=True)
    page = file.read_text()
    encoded = page.partition("data:image/png;base64,")[2].partition('"')[0]
    picture = imagecodecs.png_decode(base64.b64decode(encoded))
    np.testing.assert_array_equal(picture, pyramid.open(target).preview(size=640).pixels)
    assert "<h2>Blocks by worker</h2>" in page
    assert "<h2>Channels</h2>" in page
    assert "&lt;b&gt;cells" in page
    assert "<b>" not in page


def test_a_page_is_written_of_a_failure_and_of_a_plan(tmp_path: Path) -> None:
    file = tmp_path / "r.html"
    with pytest.raises(SourceError):
        pyramid.convert(str(tmp_path / "no.tif"), tmp_path / "t", report=str(file))
    assert "no.tif" in file.read_text()
    assert "<h2>Plan</h2>" not in file.read_text()
    pyramid.plan(PIXELS, axes="cyx", report=str(file))
    assert "<h2>Plan</h2>" in file.read_text()


def test_only_a_report_is_replaced_by_a_page(tmp_path: Path) -> None:
    file = tmp_path / "r.html"
    file.write_text("<!doctype html><p>A thesis")
    with pytest.raises(TargetError, match="exists and is not a report, so it is not replaced"):
        pyramid.convert(PIXELS, tmp_path / "t", axes="cyx", report=str(file))
    assert file.read_text().endswith("A thesis")
    assert not (tmp_path / "t").exists()
    np.save(tmp_path / "a.npy", PIXELS)
    np.save(tmp_path / "b.npy", PIXELS)
    sources = [str(tmp_path / name) for name in ("a.npy", "b.npy")]
    with pytest.raises(OptionError, match=r"report: that of a batch is JSON; give a name that ends in \.json"):
        pyramid.convert(sources, tmp_path / "folder", axes="cyx", report=str(tmp_path / "b.html"))


def test_the_document_has_blocks_and_histograms(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    options: Any = {"chunks": {"y": 64, "x": 64}, "shards": "none", "memory": "8MB", "workers": 2}
    image = pyramid.convert(PIXELS, tmp_path / "t", axes="cyx", report=str(file), **options)
    report = json.loads(file.read_text())
    Draft202012Validator(SCHEMA).validate(report)
    blocks = report["timeline"]["blocks"]
    assert len(blocks) == report["plan"]["tasks"]
    assert sum(block["source_bytes"] for block in blocks if block["pass"] == 0) == PIXELS.nbytes
    assert all(block["start"] <= block["end"] <= report["seconds"] + 0.1 for block in blocks)
    assert {block["worker"] for block in blocks} <= {0, 1, 2}
    level = np.asarray(image.levels[-1].data)
    for channel, values in zip(report["channels"], level, strict=True):
        assert (channel["least"], channel["greatest"]) == (values.min(), values.max())
        assert channel["counts"] == np.histogram(values, BINS)[0].tolist()


def test_workers_of_a_cluster_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        pyramid.convert(PIXELS, tmp_path / "t", axes="cyx", chunks={"y": 64, "x": 64}, shards="none", report=str(file))
    report = json.loads(file.read_text())
    assert len(report["timeline"]["blocks"]) == report["plan"]["tasks"]
    assert os.uname().nodename not in json.dumps(report["timeline"])


def test_a_long_run_keeps_a_bounded_number_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "MAX_BLOCKS", 10)
    kept = Timeline(100.0)
    large = bytearray(2**20)
    references = sys.getrefcount(large)
    for number in range(95):
        span = Span(f"w{number % 3}", 100 + number, 101.5)
        entries: Any = (large,)
        kept.add(0, Receipt(number, 5, times=StageTimes(read_s=1), span=span, entries=entries))
    del entries
    assert sys.getrefcount(large) == references
    document = kept.to_dict()
    assert document["every"] == 16
    assert [block["block"] for block in document["blocks"]] == [0, 16, 32, 48, 64, 80]
    assert {block["worker"] for block in document["blocks"]} == {0, 1, 2}
    assert document["blocks"][1]["start"] == 16
    kept.add(0, Receipt(95, 5))
    assert len(kept.to_dict()["blocks"]) == 6


@pytest.mark.parametrize(
    "values",
    [[2**60], [2.0**60], [1.0, np.nextafter(1, 2)], [0.0, 5e-324], list(range(2**55, 2**55 + 20)), [np.inf, np.nan]],
)
def test_a_histogram_of_nearly_equal_values_is_in_the_report(values: list[float], tmp_path: Path) -> None:
    pixels = np.resize(np.array(values), (30, 40))
    pyramid.convert(pixels, tmp_path / "a.ome.zarr", axes="yx", report=tmp_path / "a.json")
    (channel,) = json.loads((tmp_path / "a.json").read_text())["channels"]
    assert sum(channel["counts"]) == (0 if np.isinf(values[0]) else 1200)
