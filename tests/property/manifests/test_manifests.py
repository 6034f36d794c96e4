"""Laws of manifests, against ``sorted``, the text of ``sha256sum`` and the archive's own package."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyramid.manifests import sorting
from pyramid.manifests.dandi import dandi_checksum
from pyramid.manifests.entry import Entry, encode_key
from pyramid.manifests.sorting import Sorter
from pyramid.manifests.text import format_entries, read_entries
from tests.support.manifests import dandi_of

PARTS = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=5).filter(
    lambda part: part not in (".", "..")
)
KEYS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
SAFE = st.text("ab.-_ é0", min_size=1, max_size=3).filter(lambda part: part.strip(". ") != "")
TREES = st.dictionaries(st.lists(SAFE, min_size=1, max_size=4).map(tuple), st.binary(max_size=9), max_size=12)


@given(keys=st.lists(KEYS, max_size=60), held=st.integers(1, 7), runs=st.integers(1, 3))
def test_entries_come_sorted_however_few_fit_in_memory(keys: list[str], held: int, runs: int) -> None:
    with pytest.MonkeyPatch.context() as patch, Sorter() as sorter:
        patch.setattr(sorting, "MAX_HELD", held)
        patch.setattr(sorting, "MAX_RUNS", runs)
        sorter.extend(Entry(key, number, "") for number, key in enumerate(keys))
        last = {key: number for number, key in enumerate(keys)}
        assert [(entry.key, entry.size) for entry in sorter.sorted()] == sorted(
            last.items(), key=lambda item: item[0].encode()
        )


@given(keys=st.sets(KEYS, max_size=9), size=st.integers(0, 2**60))
def test_what_is_written_is_read(keys: set[str], size: int) -> None:
    entries = [Entry(key, size, hashlib.sha256(key.encode()).hexdigest()) for key in sorted(keys)]
    text = b"".join(format_entries(entries, "sha256"))
    assert list(read_entries(io.BytesIO(text), "F")) == entries


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(names=st.sets(PARTS.filter(lambda name: name[0] not in "#-"), min_size=1, max_size=6))
def test_names_are_escaped_as_sha256sum_does_it(names: set[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            (Path(place) / name).write_bytes(name.encode())
        ordered = sorted(names, key=encode_key)
        command = ["sha256sum", "--", *ordered]
        told = subprocess.run(command, cwd=place, capture_output=True, check=True).stdout
        entries = [Entry(n, len(n.encode()), hashlib.sha256(n.encode()).hexdigest()) for n in ordered]
        lines = b"".join(format_entries(entries, "sha256")).splitlines(keepends=True)
        assert b"".join(line for line in lines if not line.startswith(b"#")) == told
        assert [entry.key for entry in read_entries(io.BytesIO(told), "F")] == ordered


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tree=TREES)
def test_the_checksum_is_that_of_the_archive(tree: dict[tuple[str, ...], bytes]) -> None:
    with tempfile.TemporaryDirectory() as place:
        entries = []
        for parts, body in tree.items():
            path = Path(place, *parts)
            if any(parent.is_file() for parent in path.parents) or path.exists():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            entries.append(Entry("/".join(parts), len(body), hashlib.md5(body).hexdigest()))
        entries.sort(key=lambda entry: encode_key(entry.key))
        assert dandi_checksum(entries) == dandi_of(Path(place))
