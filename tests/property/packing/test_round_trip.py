"""Any tree that is packed and unpacked is the same tree, and zipfile reads the archive between."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pyramid import pack, unpack
from pyramid.stores import open_objects
from tests.support.archives import COMMENT, comment_of, read_tree, read_zip, write_group

NAMES = st.text("abz09é.-", min_size=1, max_size=5).filter(lambda name: name.strip("."))
KEYS = st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/".join(["d", *parts, "f_"]))
TREES = st.dictionaries(KEYS, st.binary(max_size=300), max_size=8)


@given(TREES)
def test_unpack_after_pack_is_the_identity(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree, archive, back = (Path(folder, name) for name in ("a.ome.zarr", "a.ozx", "b.ome.zarr"))
        write_group(tree, **{key.replace("/", "__"): body for key, body in files.items()})
        held = read_tree(tree)
        done = pack(tree, archive)
        assert (done.objects, done.bytes) == (len(held), archive.stat().st_size)
        assert read_zip(archive) == held
        assert comment_of(archive) == COMMENT
        objects = open_objects(str(archive))
        assert {key: objects.get(key) for key in objects.keys()} == held  # noqa: SIM118  (a store is not a mapping)
        for key, body in held.items():
            assert objects.size(key) == len(body)
            assert objects.get_tail(key, 7) == body[-7:]
            assert open_objects(str(archive)).get_range(key, 3, 50) == body[3:50]
            assert objects.get_range(key, 0, len(body) + 9) == body
        unpack(archive, back)
        assert read_tree(back) == held
        assert not [path for path in Path(folder).iterdir() if path.name.startswith(".")]
