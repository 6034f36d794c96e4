"""The text of manifests: sound lines are read, and all others are refused with their number."""

from __future__ import annotations

import io

import pytest

from pyramid.errors import OptionError
from pyramid.manifests.comparing import compare_sorted
from pyramid.manifests.entry import Entry
from pyramid.manifests.text import MAX_LINE_BYTES, format_entries, is_manifest, read_entries

SUM = "ab" * 32
OURS = b"".join(format_entries([Entry("a", 1, SUM), Entry("b", 2, SUM)], "sha256"))


def read(text: bytes) -> list[Entry]:
    return list(read_entries(io.BytesIO(text), "F"))


@pytest.mark.parametrize("key", ["../a", "/etc/passwd", "a/../../b", "a//b", "a/", "./../x", "a/./b", "..", "a\0b"])
def test_paths_that_lead_elsewhere_are_refused(key: str) -> None:
    with pytest.raises(OptionError, match=r"line 1 of F names .*not a path below a store; give"):
        read(f"{SUM}  {key}\n".encode())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "lists no object"),
        (b"# only a comment\n", "lists no object"),
        (b"not a manifest\n", "line 1 of F is not a digest"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "line 1 of F is not a digest"),
        (f"{SUM}  a\n{'ab' * 16}  b\n".encode(), "line 2 of F has a digest of md5, and those before are of sha256"),
        (f"{SUM} a\n".encode(), "line 1 of F is not a digest"),
        (f"{SUM}  {'a' * MAX_LINE_BYTES}\n".encode(), f"line 1 of F is longer than {MAX_LINE_BYTES} bytes"),
        (OURS[: OURS.index(b"# end")], "F was cut off after line 5; copy"),
        (OURS[:-30], "line 5 of F is not a digest"),
        (OURS.replace(b"# end: 2", b"# end: 3"), "line 6 of F counts 3 objects, and 2 are there"),
        (OURS + f"{SUM}  c\n".encode(), "line 7 of F is not a digest"),
        (OURS.replace(b"manifest 1:", b"manifest 2:"), "a newer ome-pyramid wrote it"),
    ],
)
def test_what_is_not_a_manifest_is_refused(text: bytes, reason: str) -> None:
    with pytest.raises(OptionError, match=reason):
        read(text)


def test_other_forms_of_the_usual_tools_are_read() -> None:
    text = f"# by hand\r\n\r\n{SUM.upper()} *./a b\r\n\\{SUM}  c\\\\d\\ne\r\n".encode()
    assert read(text) == [Entry("a b", None, SUM), Entry("c\\d\ne", None, SUM)]


def test_only_manifests_are_replaced() -> None:
    for begin in (b"", b"\n", OURS[:256], f"{SUM}  a\n".encode(), b"481a2f77ab786a0f45aafd5db0971caa-0--0\n"):
        assert is_manifest(begin)
    for begin in (b"notes", b"{}", b"# a title\n"):
        assert not is_manifest(begin)


def test_differences_are_sorted_by_bytes() -> None:
    expected = [Entry("a", 1, "1"), Entry("b", None, "2"), Entry("d", 4, "4"), Entry("e", 5, "5")]
    found = [Entry("b", 9, "2"), Entry("c", 3, "3"), Entry("d", 5, "4"), Entry("e", 5, "6"), Entry("é", 1, "1")]
    kinds = [(finding.key, finding.kind) for finding in compare_sorted(expected, found)]
    assert kinds == [("a", "missing"), ("c", "extra"), ("d", "size"), ("e", "digest"), ("é", "extra")]
