"""What the objects of every scheme must keep: its test inherits this and says which they are."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from pyramid.errors import OptionError, SourceError, StorageError
from pyramid.stores import Objects
from pyramid.stores.objects import NO_CONDITIONS

DATA = bytes(range(256)) * 40


class Pieces:
    """What an object is fetched into."""

    def __init__(self) -> None:
        self.body = b""

    def write(self, piece: bytes, /) -> None:
        self.body += bytes(piece)

    def restart(self) -> None:
        self.body = b""


class ObjectsContract:
    """Tests of objects; `objects` is a fixture of the class that inherits, of a place where nothing is."""

    travels = True
    has_conditions = True

    def test_what_is_put_is_there(self, objects: Objects) -> None:
        objects.put("0/c/0", DATA)
        objects.put("zarr.json", memoryview(b"{}"))
        assert objects.get("0/c/0") == DATA
        assert objects.get("zarr.json") == b"{}"
        assert objects.size("0/c/0") == len(DATA)
        assert sorted(objects.keys()) == ["0/c/0", "zarr.json"]
        assert sorted(objects.keys("0/")) == ["0/c/0"]

    def test_what_is_put_again_is_replaced(self, objects: Objects) -> None:
        objects.put("a", DATA)
        objects.put("a", b"short")
        assert objects.get("a") == b"short"

    def test_a_stream_is_stored_whole_or_not_at_all(self, objects: Objects) -> None:
        def broken() -> Iterator[bytes]:
            yield DATA
            raise SourceError("it is gone")

        with pytest.raises(SourceError, match="it is gone"):
            objects.put_stream("a", broken, len(DATA))
        assert objects.get("a") is None
        objects.put_stream("a", lambda: [DATA, b"the end"], len(DATA))
        assert objects.get("a") == DATA + b"the end"
        assert list(objects.keys()) == ["a"]

    def test_parts_end_where_the_object_ends(self, objects: Objects) -> None:
        objects.put("a", DATA)
        assert objects.get_range("a", 5, 9) == DATA[5:9]
        assert objects.get_range("a", len(DATA) - 3, len(DATA) + 9) == DATA[-3:]
        assert objects.get_range("a", len(DATA), len(DATA) + 9) == b""
        assert objects.get_range("a", 9, 9) == b""
        assert objects.get_tail("a", 7) == DATA[-7:]
        assert objects.get_tail("a", 10**6) == DATA
        pieces = Pieces()
        assert objects.fetch("a", pieces) == len(DATA)
        assert pieces.body == DATA

    def test_what_is_not_there_is_none(self, objects: Objects) -> None:
        assert objects.get("none") is None
        assert objects.size("none") is None
        assert objects.get_tail("none", 3) is None
        assert objects.fetch("none", Pieces()) is None
        assert list(objects.keys()) == []
        with pytest.raises(StorageError, match="none does not exist") as caught:
            objects.get_range("none", 0, 1)
        assert caught.value.status == 404

    def test_a_stamp_tells_an_object_from_another_of_its_size(self, objects: Objects) -> None:
        assert objects.fingerprint("a") is None
        objects.put("a", DATA)
        first = objects.fingerprint("a")
        assert first == objects.fingerprint("a")
        assert first is not None
        assert first[0] == len(DATA)
        objects.put("a", DATA[::-1])
        assert objects.fingerprint("a") != first or first[1] is None

    def test_a_condition_holds_or_there_are_none(self, objects: Objects) -> None:
        if not self.has_conditions:
            with pytest.raises(StorageError) as caught:
                objects.put_if("a", b"1", None)
            assert caught.value.status == NO_CONDITIONS
            assert objects.get("a") is None
            return
        first = objects.put_if("a", b"1", None)
        assert first is not None
        assert objects.put_if("a", b"2", None) is None
        assert objects.get("a") == b"1"

    def test_what_is_deleted_is_gone(self, objects: Objects) -> None:
        objects.put("a", DATA)
        objects.delete("a")
        objects.delete("a")
        assert objects.get("a") is None

    @pytest.mark.parametrize("key", ["../a", "/a", "a//b", "a/../b", "a\\b", "./a", "a/"])
    def test_no_key_leads_elsewhere(self, objects: Objects, key: str) -> None:
        with pytest.raises(OptionError, match="is not a key"):
            objects.get(key)
        with pytest.raises(OptionError, match="is not a key"):
            objects.put(key, b"")

    def test_they_pickle_as_their_url(self, objects: Objects) -> None:
        if self.travels:
            again: Objects = pickle.loads(pickle.dumps(objects))
            assert again.location == objects.location
        else:
            with pytest.raises(StorageError, match="exists in one process only"):
                pickle.dumps(objects)
