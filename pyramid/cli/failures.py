"""Failures as a user sees them: one message, an exit status, and no traceback.

The flag ``-v`` shows the traceback too, and ``--json`` prints the failure on stdout as well.
"""

from __future__ import annotations

import json
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from pyramid.cli.words import as_flags
from pyramid.errors import INTERRUPTED, UNFORESEEN, PyramidError

# Loggers of dask-distributed that report a lost connection. They print tracebacks, and the command prints a sentence.
CLUSTER_LOGS = tuple(f"distributed.{name}" for name in ("client", "core", "comm.core", "comm.tcp", "utils"))


@dataclass
class Ending:
    """The choice of what is shown of a failure.

    Parameters
    ----------
    verbose, as_json
        Whether its traceback is shown, and whether it is printed as JSON too.
    report
        Makes the JSON; None if there is only the failure to print.
    """

    verbose: bool
    as_json: bool
    report: Callable[[], dict[str, Any]] | None = None


@contextmanager
def exit_on_error(*, verbose: bool, quiet: bool = False, as_json: bool = False) -> Iterator[Ending]:
    """Run the body of a command, and end the process with a message if it fails.

    Notices are not warnings. The log is shown on stderr if `verbose` is set. With `as_json` a failure is on stdout too.

    Raises SystemExit with the exit status of the failure.
    """
    from pyramid.feedback.log import log_on_stderr  # noqa: PLC0415  (logging: not for --help)
    from pyramid.feedback.notices import without_warnings  # noqa: PLC0415
    from pyramid.feedback.silence import naming_silence  # noqa: PLC0415

    ending, printer = Ending(verbose, as_json), _print_nothing if quiet else print_notice
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with (
            _quiet(() if verbose else CLUSTER_LOGS),
            log_on_stderr() if verbose else nullcontext(),
            without_warnings(printer),
            naming_silence(printer),
        ):
            yield ending
    except PyramidError as error:
        _end(error, f"{error}", error.exit_status, ending)
    except KeyboardInterrupt as error:
        _end(error, "interrupted", INTERRUPTED, ending)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except (click.ClickException, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # also panics of libraries in Rust, which are not Exceptions
        message = f"this should not have happened: {type(error).__name__}: {error}; -v shows where"
        _end(error, message, UNFORESEEN, ending)
    finally:
        signal.signal(signal.SIGTERM, before)


def print_notice(sentence: str) -> None:
    """Print a sentence of the run itself on stderr, with its options as flags."""
    click.echo(f"pyramid: {as_flags(sentence)}", err=True)


def _print_nothing(_sentence: str) -> None:
    pass


@contextmanager
def _quiet(names: Iterable[str]) -> Iterator[None]:
    """Keep the loggers called `names` silent during the context."""
    import logging  # noqa: PLC0415  (not for --help)

    loggers = [logging.getLogger(name) for name in names]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _end(error: BaseException, message: str, status: int, ending: Ending) -> NoReturn:
    if ending.verbose:
        traceback.print_exception(error)
    print_notice(message)
    for note in getattr(error, "__notes__", ()):
        print_notice(note)
    if ending.as_json:
        document = ending.report() if ending.report else _failure_document(error, status)
        click.echo(json.dumps(document, indent=2))
    raise SystemExit(status)


def _failure_document(error: BaseException, status: int) -> dict[str, Any]:
    """Return a failure for JSON: the keys of a report that are about it."""
    from pyramid.engine.report import error_document  # noqa: PLC0415  (numpy: not for --help)

    outcome = "interrupted" if status == INTERRUPTED else "failed"
    return {"outcome": outcome, "exit_status": status, "error": error_document(error)}
