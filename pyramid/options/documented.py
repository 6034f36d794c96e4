"""Signatures and docstrings that list the options of a function."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar

from pyramid.options.convert import Options, option_specs
from pyramid.options.keywords import ConvertOptions
from pyramid.options.spec import OptionSpec

Function = TypeVar("Function", bound=Callable[..., Any])

# The line of a docstring that the list of options replaces.
PLACE = "{options}"
WIDTH = 112  # of the meaning of an option in the docstring


def with_options_listed(names: Collection[str], keywords: type = ConvertOptions) -> Callable[[Function], Function]:
    """Give a function with ``**options`` a signature and docstring that list them.

    `names` are those of its options, with what they mean where it is a mapping, and `keywords` has their types.
    """

    def listed(function: Function) -> Function:
        function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # inspect and editors read it
            [*_own_parameters(function), *option_parameters(names, keywords)],
            return_annotation=function.__annotations__["return"],
        )
        if function.__doc__:  # python -OO removes it
            function.__doc__ = re.sub(
                rf"^( *){re.escape(PLACE)}$",
                lambda found: textwrap.indent(option_docs(names, keywords), found[1]),
                function.__doc__,
                flags=re.MULTILINE,
            )
        return function

    return listed


def _own_parameters(function: Callable[..., Any]) -> Iterator[inspect.Parameter]:
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            yield parameter


def option_parameters(names: Collection[str], keywords: type = ConvertOptions) -> list[inspect.Parameter]:
    """Return each of some options as a keyword with its type and default."""
    types = keywords.__annotations__
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=_type_text(types[field.name]),
        )
        for field in dataclasses.fields(Options)
        if field.name in names
    ]


def option_docs(names: Collection[str], keywords: type = ConvertOptions) -> str:
    """Return a section of numpydoc for options: name, type, default, meaning."""
    specs = names if isinstance(names, Mapping) else option_specs()
    lines = []
    for parameter in option_parameters(names, keywords):
        option_spec = specs[parameter.name]
        lines.append(f"{parameter.name} : {parameter.annotation}, default {parameter.default!r}")
        meaning = describe_option(option_spec, None)
        lines += [f"    {line}" for line in textwrap.wrap(meaning, WIDTH, break_on_hyphens=False)]
    return "\n".join(lines)


def describe_option(option_spec: OptionSpec, default: object) -> str:
    """Return the meaning of an option in Python's words, with its default.

    A default of None is not shown.

    Examples
    --------
    >>> describe_option(OptionSpec("which image, as --series says", int), 0)
    'Which image, as series says. Default: 0.'
    """
    text = re.sub(r"--([a-z]+(?:-[a-z]+)*)", lambda found: found[1].replace("-", "_"), option_spec.help)
    names = ", ".join(key.removeprefix(option_spec.prefix) for key, _ in option_spec.split)
    keys = f" Keys: {names}." if names else ""
    shown = "" if default is None else f" Default: {default}."
    return f"{text[0].upper()}{text[1:]}.{keys}{shown}"


def _type_text(annotation: Any) -> str:  # noqa: ANN401  (as annotations are)
    return str(getattr(annotation, "__forward_arg__", annotation))
