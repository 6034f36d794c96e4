"""Run the notebooks, for the site: with output, they are kept in build/ only.

``python .ci/notebooks.py build/notebooks``. Each is run in an empty folder of its own, as the tests run it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Write each notebook with its output to the folder that is given."""
    target = Path(sys.argv[1])
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            NotebookClient(notebook, timeout=120, resources={"metadata": {"path": folder}}).execute()
        nbformat.write(notebook, target / path.name)


if __name__ == "__main__":
    main()
