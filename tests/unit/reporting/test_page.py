"""The page of a report: whole, self-contained, and unharmed by names from a source."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from pyramid.reporting import PAGE_MARK, report_page
from pyramid.reporting.charts import MAX_ROWS, RATE_BINS, WIDTH, gantt, histogram, rates, stacked_bar

HOSTILE = '</code><script>alert(1)</script><img src=x onerror="alert(1)">\'"&'
VOID = {"meta", "img"}


class Tags(HTMLParser):
    """The tags of a page, each of which must be closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def parsed(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


def block(number: int, worker: int, start: float, end: float) -> dict[str, Any]:
    times = {"read": 0.1, "reduce": 0.2, "encode": 0.3, "wait": 0.0, "write": 0.5}
    place = {"pass": 0, "block": number, "worker": worker, "start": start, "end": end, "source_bytes": 1_000_000}
    return {**place, **times}


def report(text: str) -> dict[str, Any]:
    level = {"level": 0, "shape": [9, 9], "raw_bytes": 2000, "planned_objects": 4}
    return {
        "command": "convert",
        "outcome": "failed",
        "error": {"message": text, "notes": [text]},
        "started": text,
        "source": text,
        "target": f"/{text}",
        "options": {"given": {"name": text, "chunks": {"y": 64}, "channel_names": ["a", text], "checksum": False}},
        "versions": {"python": text, "numba": None},
        "platform": {"system": text},
        "seconds": 1.5,
        "source_bytes": 2000,
        "bytes_per_second": 100.0,
        "stages": {"wall_seconds": {"open": 1.0, text: 0.5}, "summed_seconds": None},
        "levels": [{**level, "stored_bytes": 1000, "objects": 3, "bytes_per_second": 2e6}],
        "timeline": {"every": 2, "blocks": [block(0, 0, 0.0, 0.5), block(2, 1, 0.2, 1.0)]},
        "channels": [
            {"name": text, "level": "0", "least": 0.0, "greatest": 9.0, "counts": [4, 0, 1]},
            {"name": text, "level": "0", "least": None, "greatest": None, "counts": []},
        ],
        "retries": 1,
        "requests_again": 0,
        "notices": [text],
    }


def test_names_are_only_text_and_nothing_is_fetched() -> None:
    page = report_page(report(HOSTILE), "<table></table>", b"PNG")
    tags = parsed(page)
    assert {tag for tag, _ in tags.seen} & {"script", "iframe", "link", "object", "a"} == set()
    for tag, attributes in tags.seen:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href"):
            if name in attributes:
                assert (tag, str(attributes[name])[:22]) == ("img", "data:image/png;base64,")
    assert "url(" not in page
    assert sum(text == HOSTILE for text in tags.texts) >= 5
    assert page.startswith(PAGE_MARK)


def test_a_page_has_a_section_for_whatever_is_known() -> None:
    page = report_page(report("cells.tif"), "<table></table>", b"PNG")
    heads = ("Notices", "Picture", "Sizes", "Where the time went", "Rate over time", "Blocks by worker", "Channels")
    assert all(f"<h2>{head}</h2>" in page for head in (*heads, "Plan", "Versions"))
    assert "One of 2 blocks is drawn" in page
    assert "pyramid convert cells.tif /cells.tif --name cells.tif --chunks y=64" in page
    assert "--channel-names a,cells.tif --no-checksum" in page
    empty = {**report("a"), "timeline": None, "channels": None, "levels": [], "notices": [], "error": None}
    empty |= {"stages": {"wall_seconds": {"open": 0.0}, "summed_seconds": None}, "source_bytes": None}
    bare = report_page({**empty, "bytes_per_second": None})
    parsed(bare)
    assert not [head for head in heads if f"<h2>{head}</h2>" in bare]


def test_the_rate_over_time_holds_all_bytes() -> None:
    spans = np.random.default_rng(4).random((50, 2))
    spans.sort(axis=1)
    blocks = [block(i, 0, start, end) for i, (start, end) in enumerate(spans.tolist())]
    total = sum(rates(blocks, 3)) * max(spans[:, 1]) / RATE_BINS
    assert total == pytest.approx(50 * 3 * 1_000_000, rel=1e-3)
    assert sum(rates([], 1)) == 0


def widths(chart: str) -> list[float]:
    return [float(str(attributes["width"])) for tag, attributes in parsed(chart).seen if tag == "rect"]


def test_charts_are_in_proportion() -> None:
    assert widths(stacked_bar("stages", {"read": 1.0, "encode": 3.0})) == [WIDTH / 4, WIDTH * 3 / 4]
    assert stacked_bar("stages", {"read": 0.0}) == ""
    found = widths(gantt([block(0, 0, 0.0, 0.6), block(1, 1, 0.0, 1.2)]))
    np.testing.assert_allclose(found, [60, 120, 180, 120, 240, 360])
    many = gantt([block(i, i, 0.0, 1.0) for i in range(MAX_ROWS + 9)])
    assert f"{MAX_ROWS} workers" in many
    assert gantt([]) == ""
    heights = [float(str(a["height"])) for tag, a in parsed(histogram([16, 0, 1], 0, 9, "#808080", "DAPI")).seen[1:3]]
    assert heights == [60, 15]
