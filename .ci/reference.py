"""Write the pages of `docs/reference` from the code: commands, options, Python, and exit statuses.

``python .ci/reference.py`` writes them; a test compares them with what this module renders.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import pyramid  # noqa: E402  (from this clone, whatever is installed)
from pyramid import errors, plugin, testing  # noqa: E402
from pyramid.cli import main  # noqa: E402
from pyramid.cli.help import COMMANDS, EXAMPLES, OPTIONS, option_groups  # noqa: E402
from pyramid.options.convert import option_specs  # noqa: E402
from pyramid.options.documented import describe_option, option_parameters  # noqa: E402
from pyramid.options.spec import flag  # noqa: E402

FOLDER = ROOT / "docs" / "reference"
MADE = "<!-- Made from the code by .ci/reference.py: change the code, and run it again. -->"
# A line that the site replaces by the docstrings of a module's public names.
DOCSTRINGS = "<!-- docstrings of {} -->"
# Public names whose form may still change; all others are stable.
PROVISIONAL = {
    "pyramid": {
        "BatchPlan",
        "BatchProgress",
        "Creation",
        "Edit",
        "Packed",
        "Upgrade",
        "Viewer",
        "VerifyProgress",
        "create",
        "view",
    },
    "pyramid.plugin": {"NeighbourhoodMethod", "recognized_by"},
    "pyramid.testing": {"MethodContract", "SourceContract"},
}
STATUSES = (
    (0, "", "done, or the thing that was checked is right", "nothing"),
    (1, "", "`validate`, `verify`, `download --manifest`: what was checked is bad", "what each finding says"),
    (2, "OptionError", "the command, an option or a combination is wrong; nothing was read or written", ""),
    (3, "SourceError", "the source, or the URL to look at, cannot be read", ""),
    (4, "TargetError", "the target cannot be written, or something is there already", ""),
    (5, "StoppedError", "it stopped half-way; the target is unfinished and looks so", "run it again with `--resume`"),
    (errors.UNFORESEEN, "", "a defect of this program", "report it, with what `-v` shows"),
    (errors.INTERRUPTED, "KeyboardInterrupt", "Ctrl-C, or the system ended it", "run it again with `--resume`"),
)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def commands_page() -> str:
    """Return the page of the commands: usage, examples, and options in groups."""
    parts = [
        MADE,
        "# Commands\n\nEach is also `python -m pyramid`. `pyramid COMMAND --help` shows the same. A URL may be a path. "
        "[Exit statuses](exit-statuses.md) are those of all commands.",
    ]
    there = {title: [name for name in names if name in main.commands] for title, names in COMMANDS.items()}
    rows = (
        (title, " ".join(f"[`{name}`](#pyramid-{name})" for name in names)) for title, names in there.items() if names
    )
    parts.append(_table(("", "commands"), rows))
    parts += [_command(name) for names in there.values() for name in names]
    return "\n\n".join(parts) + "\n"


def _command(name: str) -> str:
    command = main.commands[name]
    ctx = click.Context(
        command, info_name=name, parent=click.Context(main, info_name="pyramid", **main.context_settings)
    )
    usage = " ".join(command.get_usage(ctx).removeprefix("Usage: ").split())
    parts = [f"## pyramid {name}", f"```text\n{usage}\n```", *_paragraphs(inspect.cleandoc(command.help or ""))]
    parts.append(f"```sh\n{EXAMPLES[name]}\n```")
    for title, records in option_groups(command.get_params(ctx), ctx).items():
        rows = ((f"`{names}`", _as_code(meaning)) for names, meaning in records)
        parts.append(_table((title, "meaning"), rows))
    return "\n\n".join(parts)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield _as_code(" ".join(paragraph.split()))


def _as_code(text: str) -> str:
    """Return a text of a help with its flags and stars as code."""
    return re.sub(r"(?<![\w`-])(--[a-z][a-z-]*|@?\w*\.(?:txt|csv|ozx)|(?:s3|gs|az|http)://|/data/)", r"`\1`", text)


def options_page() -> str:
    """Return the page of the options of a conversion, in groups, with types and defaults."""
    parts = [
        MADE,
        "# Options of a conversion\n\n`pyramid convert` and `pyramid plan`, the functions of the same names, and files "
        "given with `--config` take the same options. The name is that of Python and YAML.",
    ]
    parameters = {parameter.name: parameter for parameter in option_parameters(option_specs())}
    specs = option_specs()
    groups = {title: [name for name in names if name in specs] for title, names in OPTIONS.items()}
    for title, names in ((title, names) for title, names in groups.items() if names):
        rows = (
            (
                f"`{name}`",
                " ".join(f"`{given}`" for given in (flag(name), *specs[name].flags)),
                f"`{parameters[name].annotation}`",
                f"`{parameters[name].default!r}`",
                _as_code(describe_option(specs[name], None)),
            )
            for name in names
        )
        parts.append(f"## {title}\n\n{_table(('name', 'flag', 'type', 'default', 'meaning'), rows)}")
    return "\n\n".join(parts) + "\n"


def python_page() -> str:
    """Return the page of the public names, with the stability of each."""
    parts = [
        MADE,
        "# Python\n\nThese names are public; everything else may change at any time. `help(pyramid.convert)` shows "
        "the docstring of each, as the site does below the tables.\n\n"
        "- **stable**: its name, parameters, defaults and results change only with a warning in one release before.\n"
        "- **provisional**: it may change in any release, and the changelog says so.",
    ]
    for module in (pyramid, plugin, testing):
        unstable = PROVISIONAL[module.__name__]
        rows = (
            (f"`{name}`", _kind(getattr(module, name)), "provisional" if name in unstable else "stable", summary)
            for name in module.__all__
            if (summary := _summary(getattr(module, name)))
        )
        parts.append(f"## {module.__name__}\n\n{_table(('name', 'is', 'stability', 'meaning'), rows)}")
    parts += [f"## Docstrings of {name}\n\n{DOCSTRINGS.format(name)}" for name in ("pyramid", "pyramid.plugin")]
    return "\n\n".join(parts) + "\n"


def _kind(value: object) -> str:
    if inspect.isclass(value):
        return "exception" if issubclass(value, BaseException) else "class"
    return "function" if callable(value) and inspect.isfunction(value) else "value"


def _summary(value: object) -> str:
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return "the version, as text" if value is pyramid.__version__ else f"`{value!r}`"
    text = (inspect.getdoc(value) or "").partition("\n\n")[0]
    return re.sub(r"``?([^`]+)``?", r"`\1`", text)


def statuses_page() -> str:
    """Return the page of the exit statuses."""
    rows = (
        (str(status), f"`{name}`" if name else "", meaning, remedy or getattr(errors, name).remedy)
        for status, name, meaning, remedy in STATUSES
    )
    table = _table(("status", "error in Python", "meaning", "what to do"), rows)
    return (
        f"{MADE}\n\n# Exit statuses\n\n{table}\n\n"
        "A failure is one message on stderr of what, where and what to do. `-v` shows the traceback, and `--json` "
        "prints the failure on stdout too. Every error derives from `pyramid.PyramidError`. Of a batch, the status is "
        "[that of its images](../batch.md#what-failed).\n"
    )


PAGES = {
    "commands.md": commands_page,
    "options.md": options_page,
    "python.md": python_page,
    "exit-statuses.md": statuses_page,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, page in PAGES.items():
        (FOLDER / file).write_text(page(), encoding="utf-8")
