"""Check the structure of the package: short modules and functions, and no circle of imports.

Imports within functions count, those for type checkers do not. Prints each finding, and ends with 1 if there is one.

    python .ci/structure.py
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 300, 30


def name_of(path: Path) -> str:
    """Return the name of the module in a file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def long_parts(path: Path, tree: ast.Module) -> Iterator[str]:
    """Yield a finding for the module and for each function that is too long, docstrings not counted."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    if lines > MAX_MODULE_LINES:
        yield f"{path}: {lines} lines, over {MAX_MODULE_LINES}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[ast.get_docstring(node) is not None :]
            length = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            if length > MAX_FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines, over {MAX_FUNCTION_LINES}"


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the names that a module imports at any place, and those that they may be modules of."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield from imported(node)


def main() -> None:
    """Print the findings."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "pyramid").rglob("*.py"))}
    findings = [finding for path, tree in trees.items() for finding in long_parts(path, tree)]
    modules = {name_of(path): tree for path, tree in trees.items()}
    graph = {name: {*imported(tree)} & modules.keys() - {name} for name, tree in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        findings.append(f"imports in a circle: {' -> '.join(error.args[1])}")
    print("\n".join(findings) or "The structure holds.")  # noqa: T201  (a program that prints)
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
