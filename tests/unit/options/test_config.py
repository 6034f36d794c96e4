"""A mistake in a configuration is told with its file, line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyramid.errors import OptionError
from pyramid.options.config import MAX_CONFIG_BYTES, read_config


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.yaml"


def mistake(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(OptionError) as caught:
        read_config(str(path))
    told = str(caught.value)
    assert "\n" not in told
    return told.replace(str(path), "FILE")


def test_what_is_right(path: Path) -> None:
    path.write_text("chunks: {y: 64, x: 64}  # a comment\nmethod: max\nome_zarr_version: 0.4\noverwrite: yes\n")
    assert read_config(str(path)) == {
        "chunks": {"y": 64, "x": 64},
        "method": "max",
        "ome_zarr_version": 0.4,
        "overwrite": True,
    }


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_nothing_is_no_option(path: Path, text: str) -> None:
    path.write_text(text)
    assert read_config(str(path)) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("method: max\nchunk: auto", "FILE:2:1: unknown option 'chunk'; did you mean 'chunks'?"),
        ("min-size: 64", "FILE:1:1: unknown option 'min-size'; did you mean 'min_size'?"),
        ("region: here", "FILE:1:1: unknown option 'region'; did you mean storage_options: {region: …}?"),
        ("method: maen", "FILE:1:9: method: unknown method 'maen'; did you mean 'mean'?"),
        ("codec: blsoc:zstd", "FILE:1:8: codec: 'blsoc:zstd' is not one of: "),
        ("7: auto", "FILE:1:1: unknown option '7'; choose one of: attributes, axes"),
        ("null: 1", "FILE:1:1: unknown option 'null'"),
        ("? [a, b]\n: 1", "FILE:1:3: unknown option '?'"),
        ("<<: {levels: 2}", "FILE:1:1: unknown option '<<'"),
        ("levels: 2\nmethod: max\nlevels: 3", "FILE:3:1: 'levels' is given twice"),
        ("\nlevels:  none", "FILE:2:10: levels: 'none' is not a whole number"),
        ("chunks:\n  y: 0", "FILE:2:3: chunks: y: 0 is below 1"),
        ("checksum: 'yes'", "FILE:1:11: checksum: 'yes' is not true or false"),
        ("- method", "FILE:1:1: a configuration is a mapping"),
        ("just text", "FILE:1:1: a configuration is a mapping"),
        ("method: max\nchunks: {y: 64", "FILE:2:15: not valid YAML: "),
        ("method: max\n\tlevels: 1", "FILE:2:1: not valid YAML: "),
        ("a: 1\n---\nb: 1", "FILE:2:1: not valid YAML: "),
        ("levels: !!python/name:os.system", "FILE:1:9: not valid YAML: could not determine a constructor"),
        ("name: 2001-99-99", "FILE:1:7: not valid YAML: month must be in 1..12"),
        ("levels: " + "1" * 5000, "FILE:1:9: not valid YAML: "),
        ("name: &a x\nmethod: *a", "config: FILE has an alias (*name)"),
        ("name: " + "[" * 500 + "]" * 500, "FILE: not valid YAML: "),
        (b"name: \xff\xfe", "FILE: not valid YAML: "),
        (b"II*\0\x08\0\0\0", "FILE: not valid YAML: "),
        ("#" * (MAX_CONFIG_BYTES + 1), f"config: FILE is over {MAX_CONFIG_BYTES} bytes"),
    ],
)
def test_mistakes(path: Path, text: str | bytes, told: str) -> None:
    assert mistake(path, text).startswith(told)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot be read: No such file or directory; check the path"):
        read_config(str(tmp_path / "nowhere.yaml"))
    with pytest.raises(OptionError, match="cannot be read: Is a directory"):
        read_config(str(tmp_path))
    with pytest.raises(OptionError, match="/dev/zero is over"):
        read_config("/dev/zero")
