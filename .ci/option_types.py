"""Write the types of the options for editors and type checkers, from the list of options.

``python .ci/option_types.py`` writes ``pyramid/options/keywords.py``; a test compares the two.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, get_args

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from pyramid.options import parsing  # noqa: E402  (from this clone, whatever is installed)
from pyramid.options.adding import ADDING_OPTIONS, OF_LEVEL_0  # noqa: E402
from pyramid.options.attributes import parse_attributes  # noqa: E402
from pyramid.options.clusters import parse_cluster  # noqa: E402
from pyramid.options.convert import Options, option_specs  # noqa: E402
from pyramid.options.created import CREATED, created_specs  # noqa: E402
from pyramid.options.documented import describe_option  # noqa: E402
from pyramid.options.durations import seconds  # noqa: E402
from pyramid.options.factors import FactorWord, parse_factors  # noqa: E402
from pyramid.options.labels import parse_label_colors, parse_label_name  # noqa: E402
from pyramid.options.nodata import nodata as parse_nodata  # noqa: E402
from pyramid.options.one_of import OneOf  # noqa: E402
from pyramid.options.origin import parse_origin  # noqa: E402
from pyramid.options.rescale import parse_dtype, parse_rescale  # noqa: E402
from pyramid.options.selection import parse_selection  # noqa: E402
from pyramid.options.series import parse_series  # noqa: E402
from pyramid.options.spec import OptionSpec  # noqa: E402

FILE = ROOT / "pyramid" / "options" / "keywords.py"
CREATED_FILE = FILE.with_name("created_keywords.py")
WIDTH = 116  # of a line inside the class


def _literal(choices: Iterable[str]) -> str:
    return f"Literal[{', '.join(json.dumps(choice) for choice in choices)}]"


# The type of the values that each parser takes from Python.
ACCEPTED: dict[Callable[[Any], Any], str] = {
    parsing.axes: "str | Sequence[str]",
    parsing.byte_count: "int | str",
    parsing.chunks: f"{_literal(get_args(parsing.ChunkLayout))} | str | Mapping[str, int]",
    parsing.colors: "str | Sequence[str]",
    parsing.count: "int",
    parsing.count_from_zero: "int",
    parsing.method: "str",
    parsing.mapping: "str | Mapping[str, Any]",
    parsing.names: "str | Sequence[str]",
    parse_attributes: "str | os.PathLike[str] | Mapping[str, Any]",
    parse_label_name: "str",
    parse_label_colors: "str | os.PathLike[str] | Mapping[int, str]",
    parse_origin: "str | Mapping[str, float]",
    parse_selection: "str | Mapping[str, Any]",
    parse_dtype: "str | DTypeLike",
    parse_rescale: "str | Sequence[float | str]",
    parsing.scale: "str | Mapping[str, float]",
    parse_nodata: "float | str",
    parse_cluster: "str | os.PathLike[str] | Mapping[str, Any]",
    seconds: "float | str",
    parse_factors: f"{_literal(get_args(FactorWord))} | str | Mapping[str, int] | Sequence[str | Mapping[str, int]]",
    parse_series: "int | str",
    parsing.shards: f"{_literal(get_args(parsing.ShardLayout))} | str | Mapping[str, int]",
    parsing.switch: "bool",
    parsing.text: "str",
    parsing.units: "str | Mapping[str, str]",
}
HEAD = '''"""The options of the functions that build pyramids, as keywords with types.

Editors and type checkers read them. They are made from `pyramid.options.convert` and `pyramid.options.adding` by
``python .ci/option_types.py``: change those lists, and run it again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from numpy.typing import DTypeLike
'''
# The part of the head that only dtypes need.
NUMPY = """
if TYPE_CHECKING:
    from numpy.typing import DTypeLike
"""
# Types of options that differ in `create`.
IN_CREATE = {"levels": 'int | Literal["as written"]'}


def accepted_type(option_spec: OptionSpec) -> str:
    """Return the type of the values that an option takes, without None."""
    if isinstance(option_spec.parse, OneOf):
        return f"{_literal(option_spec.parse.choices)} | str"  # for a value that a variable holds
    if option_spec.parse is parsing.text and option_spec.metavar == "FILE":
        return "str | os.PathLike[str]"
    if option_spec.parse not in ACCEPTED:
        raise SystemExit(f"{__file__}: ACCEPTED has no type for the parser {option_spec.parse}; add one")
    return ACCEPTED[option_spec.parse]


def render() -> str:
    """Return the text of the module of options for images that are there."""
    every = tuple(option_specs())
    return _module(
        ("ConvertOptions", every, "`convert` and `plan`"), ("AddLevelsOptions", ADDING_OPTIONS, "`add_levels`")
    )


def render_created() -> str:
    """Return the text of the module of options for an image that is to come."""
    text = _module(("CreateOptions", CREATED, "`create`"))
    return text.replace(NUMPY, "").replace("import TYPE_CHECKING, Any", "import Any")


def _module(*classes: tuple[str, Iterable[str], str]) -> str:
    """Return the text of a module of classes: name, options, and what they are the options of."""
    defaults = {field.name: field.default for field in dataclasses.fields(Options)}
    lines = [HEAD.rstrip()]
    for class_name, names, functions in classes:
        lines += ["", "", f"class {class_name}(TypedDict, total=False):"]
        lines += [f'    """The options of {functions}. None leaves the default of each."""', ""]
        lines += _fields(names, defaults, class_name)
    return "\n".join(lines).rstrip() + "\n"


def _fields(names: Iterable[str], defaults: dict[str, object], class_name: str) -> list[str]:
    """Return the lines of the fields of a class."""
    lines = []
    for name in names:
        option_spec = created_specs()[name] if class_name == "CreateOptions" else option_specs()[name]
        own = IN_CREATE if class_name == "CreateOptions" else {}
        lines.append(f"    {name}: {own.get(name) or accepted_type(option_spec)} | None")
        default = "as level 0" if class_name == "AddLevelsOptions" and name in OF_LEVEL_0 else defaults[name]
        text = f'"""{describe_option(option_spec, default)}"""'
        lines += [f"    {line}" for line in textwrap.wrap(text, WIDTH, break_on_hyphens=False)]
        lines.append("")
    return lines[:-1]


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
    CREATED_FILE.write_text(render_created(), encoding="utf-8")
