"""Check the site that ``make docs`` has built: it needs no network, and its search knows every page.

``python .ci/site.py build/site``. That links lead somewhere is checked by the build itself.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Parts of a page that a browser fetches by itself, from another host.
_FETCHED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=[\"'](?:https?:)?//[^\"']*")
# Words, each on one page only as far as a reader is concerned, that a search must lead to.
SOUGHT = {"bioformats2raw": "how-to/migrate", "shuffle": "reference/options", "walltime": "clusters"}


def findings(site: Path) -> Iterator[str]:
    """Yield what is wrong with a site that was built."""
    pages = {path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md")}
    for page in sorted(pages):
        file = site / f"{page}.html"
        if not file.exists():
            yield f"{page}: the site has no such page"
        elif found := _FETCHED.search(file.read_text(encoding="utf-8")):
            yield f"{page}: it fetches from the network: {found[0]}"
    index = (site / "searchindex.js").read_text(encoding="utf-8") if (site / "searchindex.js").exists() else ""
    for page in sorted(pages):
        if f'"{page}"' not in index:
            yield f"{page}: the search does not know it"
    for word in SOUGHT:
        if not re.search(rf'"?{word[:6]}\w*"?:', index):
            yield f"the search does not know {word!r}, which is on {SOUGHT[word]}"


def main() -> int:
    """Print what is wrong, and return how the check ends."""
    found = list(findings(Path(sys.argv[1])))
    for line in found:
        print(line)  # noqa: T201  (a program that prints)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
