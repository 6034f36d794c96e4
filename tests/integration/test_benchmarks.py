"""Every benchmark program runs, tiny, so that none rots; the peers' own runs need their environments."""

from __future__ import annotations

import compileall
import json
import sys
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray

import pyramid
from benchmarks import (
    bars,
    camera,
    cluster_blocks,
    commands,
    computed,
    data,
    envs,
    floor,
    latency,
    object_store,
    probe,
    regions,
    run,
    storage_table,
    table,
    viewing,
)

pytestmark = pytest.mark.once

SCALE = 0.05
CHUNKS = {"z": 4, "y": 64, "x": 64}
TIFFS = [name for name, dataset in data.DATASETS.items() if ".tif" in dataset.suffix and name[-1] not in "gk"]


@pytest.mark.parametrize("name", TIFFS)  # the larger of each kind are written by the same function
def test_tiff_inputs_have_their_shape(name: str, tmp_path: Path) -> None:
    path = data.make(name, tmp_path, SCALE)
    wanted = data.DATASETS[name].scaled(SCALE)
    pixels = tifffile.imread(path)
    assert pixels.shape == tuple(n for n in wanted.shape if n > 1)
    assert pixels.dtype == wanted.dtype
    assert pixels.std() > 1
    assert data.make(name, tmp_path, SCALE) == path


def test_the_zarr_input_is_cut_by_planes(tmp_path: Path) -> None:
    array = zarr.open_array(data.make("zarr-planes", tmp_path, SCALE), mode="r")
    assert array.chunks == (1, 1, *array.shape[-2:])
    assert np.asarray(array[0, 0]).std() > 1


def test_inputs_are_the_same_each_time() -> None:
    first, again = (list(data.planes(2, (64, 64), "uint16")) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("name", [*TIFFS, "zarr-planes", "dask"])
def test_the_floor_reads_all_and_writes_as_much(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, wanted = data.make(name, tmp_path, SCALE), data.DATASETS[name].scaled(SCALE)
    target = tmp_path / "floor"
    floor.main([str(source), str(target), "--workers", "2", "--chunk", "64,64", "--shard", "128,64", "--above", "1"])
    figures = json.loads(capsys.readouterr().out)
    assert figures["pixel_bytes"] >= np.prod(wanted.shape) * np.dtype(wanted.dtype).itemsize
    files = [path for path in target.rglob("*") if path.is_file()]
    assert figures["written_bytes"] == sum(path.stat().st_size for path in files)
    chunks = figures["pixel_bytes"] / np.dtype(wanted.dtype).itemsize / 64**2
    assert chunks <= len(files) <= chunks + 4


def test_the_floor_encodes_the_pixels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = data.make("slide-jpeg", tmp_path, SCALE)
    floor.main([str(source), str(tmp_path / "floor"), "--workers", "1", "--chunk", "512,512,3", "--above", "0"])
    assert json.loads(capsys.readouterr().out)["work_s"] > 0
    tile = imagecodecs.blosc_decode((tmp_path / "floor" / "0" / "0").read_bytes())
    assert bytes(tile) == tifffile.imread(source)[:512, :512].tobytes()


def test_the_computed_image_is_the_same_with_dask_and_without(tmp_path: Path) -> None:
    image = computed.read(data.make("dask", tmp_path, SCALE))
    whole = np.concatenate([_block_of(image, start) for start in image.starts()])
    assert np.array_equal(image.as_dask().compute(scheduler="synchronous").ravel(), whole)
    assert whole.std() > 1


def _block_of(image: computed.Computed, start: tuple[int, ...]) -> NDArray[np.uint16]:
    out = np.empty(image.block_bytes, np.uint8)
    return out[: image.fill(start, out)].view(np.uint16)


def test_a_computed_image_is_planned_and_converted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = data.make("dask", tmp_path, SCALE)
    computed.main([str(source), "--plan", "--workers", "2"])
    assert json.loads(capsys.readouterr().out)["levels"][0]["shape"] == list(data.DATASETS["dask"].scaled(SCALE).shape)
    computed.main([str(source), str(tmp_path / "out.zarr"), "--codec", "blosc:zstd", "--codec-level", "1"])
    written = np.asarray(zarr.open_array(tmp_path / "out.zarr" / "0", mode="r")[:])
    assert np.array_equal(written, computed.read(source).as_dask().compute(scheduler="synchronous"))


def test_run_measures_ours_beside_the_floor_and_writes_the_table(tmp_path: Path) -> None:
    results = tmp_path / "results"
    options = ["--scale", str(SCALE), "--data", str(tmp_path / "data"), "--results", str(results)]
    options += ["--ours", sys.executable]
    run.main(["stack", *options, "--rounds", "1", "--levels", "2", "--modes", "sharded"])
    record = json.loads((results / f"stack@{SCALE}.json").read_text(encoding="utf-8"))
    assert [row["tool"] for row in record["results"]] == ["ome-pyramid", "floor"]
    assert all(row["median"]["wall_s"] > 0 and row["median"]["peak_bytes"] > 0 for row in record["results"])
    assert (results / f"stack@{SCALE}.md").read_text(encoding="utf-8") == table.markdown(record)
    inputs = {f"stack@{scale}.ome.tif" for scale in (SCALE, SCALE * run.WARM_SHARE)}
    assert {path.name for path in (tmp_path / "data").iterdir()} == inputs


def test_the_table_fills_the_readme_between_its_markers(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- benchmark -->\nold\n<!-- /benchmark -->\nafter\n", encoding="utf-8")
    table.fill(readme, "new\n")
    assert readme.read_text(encoding="utf-8") == "before\n<!-- benchmark -->\nnew\n<!-- /benchmark -->\nafter\n"
    readme.write_text("no markers", encoding="utf-8")
    with pytest.raises(ValueError, match="<!-- benchmark -->"):
        table.fill(readme, "new\n")


def test_every_peer_has_an_adapter_that_compiles_and_a_command(tmp_path: Path) -> None:
    adapters = Path(run.__file__).parent / "adapters"
    dataset = data.DATASETS["stack"].scaled(SCALE)
    for peer in envs.PEERS.values():
        assert compileall.compile_file(adapters / peer.adapter, quiet=1, force=True)
        for mode in commands.MODES:
            setting = commands.Setting(dataset, tmp_path, mode, 2, 2, tmp_path)
            command = commands.command_of(peer.name, setting, tmp_path / "out.zarr")
            assert ("--shards" in command) == (mode == "sharded")
            assert ("--chunks" in command) == (mode in ("equal", "sharded"))


def test_the_bars_are_measured_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", str(tmp_path / "data"), "--results", str(tmp_path), "--ours", sys.executable]
    bars.main(["plan", "start", *options, "--scale", "0.0001", "--rounds", "1"])
    record = json.loads((tmp_path / "bars.json").read_text(encoding="utf-8"))
    assert [bar["unit"] for bar in record["bars"]] == ["s", "MB", "s", "s"]
    assert all(bar["value"] > 0 < bar["most"] for bar in record["bars"])
    assert "pyramid --help" in capsys.readouterr().out
    assert list((tmp_path / "data").iterdir()) == []


def test_every_bar_is_what_its_measurements_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(*command: str) -> dict[str, float]:
        size = 4.0 if any("stack-4g" in item for item in command[:2]) else 1.0
        return {
            "seconds": 2.0,
            "bytes": 3e6,
            "blocks": 100,
            "cpu_s": size,
            "user_s": size,
            "system_s": size,
            "tasks": 10,
        }

    peaks = {"tiny.ome.tif": 1e8, "sparse-16g@0.02.ome.tif": 4e8}
    monkeypatch.setattr(bars, "_figures", lambda _python, _program, *command: told(*command))
    monkeypatch.setattr(bars, "_peak_bytes", lambda _place, source: peaks.get(source.name, 2e8))
    place = bars.Place(tmp_path, tmp_path, Path(sys.executable), 0.02, 1)
    found = {bar.what: bar.value for name in bars.BARS if name != "start" for bar in bars.BARS[name](place)}
    assert found["CPU seconds, 4 GiB over 1 GiB"] == 4
    assert found["engine over a block's own time"] == 10
    assert found["two processes over two threads"] == 1
    assert found["plan for 100 blocks, memory"] == 3
    assert found["peak memory over the imports'"] == 300
    assert found["peak memory, largest over smallest input"] == 3


def test_the_probes_do_their_work(tmp_path: Path) -> None:
    source = data.make("stack", tmp_path, SCALE)
    done = probe.work(source, tmp_path / "out.zarr", source, {"workers": 2}, processes=False)
    assert done["tasks"] >= 1
    assert done["seconds"] > 0
    spent = [path for path in tmp_path.iterdir() if path != source]
    assert all(path.name.startswith("spent-") for path in spent)
    assert sum(file.stat().st_size for path in spent for file in path.rglob("*") if file.is_file()) == 0
    assert probe.idle_engine(40)["blocks"] >= 40
    assert probe.plan(20_000)["blocks"] >= 20_000


def test_object_storage_is_measured_beside_obstore_alone(tmp_path: Path) -> None:
    options = ["--server", "moto", "--scale", str(SCALE), "--rounds", "1", "--forms", "plain", "--mb-per-s", "100"]
    folders = ["--data", str(tmp_path / "data"), "--results", str(tmp_path), "--ours", sys.executable]
    object_store.main([*options, *folders, "--ways", "limited", "latency"])
    record = json.loads((tmp_path / "object-store.json").read_text(encoding="utf-8"))
    rows = [(row["way"], row["tool"]) for row in record["results"]]
    assert rows == [("limited", "ome-pyramid"), ("limited", "obstore"), ("latency", "ome-pyramid")]
    assert len({(row["objects"], row["bytes"]) for row in record["results"]}) == 1
    assert [bar["value"] > 0 for bar in record["bars"]] == [True]
    assert (tmp_path / "object-store.md").read_text(encoding="utf-8") == storage_table.markdown(record)
    assert len(list((tmp_path / "data").iterdir())) == 1


def test_the_bars_of_object_storage_are_medians_of_the_rounds_ratios() -> None:
    def row(way: str, tool: str, *seconds: float) -> dict[str, Any]:
        rounds = [{"seconds": one, "cpu_s": 2 * one} for one in seconds]
        return {"form": "plain", "way": way, "tool": tool, "rounds": rounds}

    rows = [
        row("direct", "local disk", 2, 3, 1),
        row("direct", "ome-pyramid", 6, 6, 6),
        row("direct", "obstore", 1, 4, 6),
    ]
    rows += [row("proxy", "ome-pyramid", 1, 1, 2), row("latency", "ome-pyramid", 3, 2, 2)]
    assert [bar.value for bar in storage_table.bars(rows, 2)] == [1.5, 6 / 7, 2]


def test_the_peer_is_given_the_chunks_that_ours_has(tmp_path: Path) -> None:
    for form, shards in object_store.FORMS.items():
        python = Path(sys.executable)
        setting = object_store.Setting(tmp_path, "czyx", form, 2, python, tmp_path, tmp_path)
        pyramid.convert(np.zeros((1, 8, 256, 256), "uint16"), setting.local, axes="czyx", shards=shards, chunks=CHUNKS)
        command = setting.command("zarr-s3fs", "s3://bucket/key")
        assert command[command.index("--chunks") + 1] == "1,4,64,64"
        assert ("--shards" in command) == (form == "sharded")


def test_regions_are_read_from_each_layout_of_chunks(tmp_path: Path) -> None:
    small = ["--shape", "2", "4", "300", "280", "--rounds", "1", "--results", str(tmp_path)]
    regions.main(["--layouts", "auto", "z=1,y=64,x=64", *small])
    rows = json.loads((tmp_path / "regions.json").read_text(encoding="utf-8"))["results"]
    assert [(row["chunks"], row["shards"]) for row in rows] == [
        (layout, shards) for layout in ("auto", "z=1,y=64,x=64") for shards in ("none", "auto")
    ]
    assert rows[2]["regions"]["plane"]["requests"] == 25
    assert all(cost["bytes"] > 0 < cost["seconds"] for row in rows for cost in row["regions"].values())


def test_reading_is_measured_without_and_with_latency(tmp_path: Path) -> None:
    latency.main(["--shape", "8", "600", "600", "--rounds", "1", "--results", str(tmp_path)])
    rows = json.loads((tmp_path / "latency.json").read_text(encoding="utf-8"))["results"]
    for row in rows.values():
        without, with_latency = row["open"]
        assert with_latency > latency.LATENCIES_S[1] > 0 < without


def test_a_viewer_is_measured(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 4000, (2, 600, 1100), "uint16")
    pyramid.convert(pixels, tmp_path / "a.ome.zarr", axes="zyx")
    words = ["--clients", "3", "--seconds", "0.2", "--rounds", "1", "--results", str(tmp_path)]
    viewing.main([str(tmp_path / "a.ome.zarr"), *words])
    found = json.loads((tmp_path / "viewing.json").read_text(encoding="utf-8"))
    assert found["tiles"] >= 3
    assert 0 < found["start_s"] < found["first_picture_s"]
    assert 0 < found["p50_ms"] <= found["p95_ms"]
    assert found["peak_mb"] > 10


def test_a_camera_is_measured(tmp_path: Path) -> None:
    options = [
        "--rate",
        "50",
        "--seconds",
        "0.2",
        "--edge",
        "64",
        "--target",
        str(tmp_path),
        "--results",
        str(tmp_path),
    ]
    camera.main(["--tools", "ome-pyramid", *options])
    rows = json.loads((tmp_path / "camera.json").read_text())
    assert [(row["frames"], row["levels"]) for row in rows] == [(10, 1), (10, camera.ALL_LEVELS)]
    assert "| ome-pyramid | all | 10 |" in (tmp_path / "camera.md").read_text()


def test_blocks_on_a_cluster_are_counted_and_measured() -> None:
    found = cluster_blocks.run(300, 100)
    assert found["blocks"] == 300
    assert len(found["ms_a_block"]) == 3
    assert found["mean_ms_a_block"] > 0
    assert found["client_grows_mb"] < 200
