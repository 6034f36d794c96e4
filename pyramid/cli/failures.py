"""Failures as a user sees them: one message, an exit status, and no traceback.

The flag ``-v`` shows the traceback too.
"""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from pyramid.errors import INTERRUPTED, UNFORESEEN, PyramidError

# Loggers of dask-distributed that report a lost connection. They print tracebacks, and the command prints a sentence.
CLUSTER_LOGS = tuple(f"distributed.{name}" for name in ("client", "core", "comm.core", "comm.tcp", "utils"))


@contextmanager
def exit_on_error(*, verbose: bool) -> Iterator[None]:
    """Run the body of a command, and end the process with a message if it fails.

    Raises SystemExit with the exit status of the failure.
    """
    if verbose:
        import logging  # noqa: PLC0415  (next to its one use, which is rare)

        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with _quiet(() if verbose else CLUSTER_LOGS):
            yield
    except PyramidError as error:
        _end(error, f"{error}", error.exit_status, verbose=verbose)
    except KeyboardInterrupt as error:
        _end(error, "interrupted", INTERRUPTED, verbose=verbose)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except (click.ClickException, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # also panics of libraries in Rust, which are not Exceptions
        message = f"this should not have happened: {type(error).__name__}: {error}; -v shows where"
        _end(error, message, UNFORESEEN, verbose=verbose)
    finally:
        signal.signal(signal.SIGTERM, before)


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


def _end(error: BaseException, message: str, status: int, *, verbose: bool) -> NoReturn:
    if verbose:
        traceback.print_exception(error)
    click.echo(f"pyramid: {message}", err=True)
    for note in getattr(error, "__notes__", ()):
        click.echo(f"pyramid: {note}", err=True)
    raise SystemExit(status)
