"""The commands. Each parses, calls the function of its name, and prints."""

from __future__ import annotations

import gc
import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from pyramid._version import __version__
from pyramid.batch.kinds import is_grouped
from pyramid.cli.add_levels import add_levels
from pyramid.cli.batch import (
    convert_batch,
    for_all_images,
    is_batch,
    plan_batch,
    print_report,
    split_plan,
    start_report,
)
from pyramid.cli.completion import completion
from pyramid.cli.download import download
from pyramid.cli.edit import edit
from pyramid.cli.failures import Ending, exit_on_error, print_notice
from pyramid.cli.flags import (
    config_flag,
    each_flag,
    json_flag,
    option_flags,
    option_values,
    progress_flag,
    quiet_flag,
    quiet_results_flag,
    storage_flags,
    storage_values,
    verbose_flag,
)
from pyramid.cli.interrupt import ending_when_interrupted
from pyramid.cli.manifest import manifest
from pyramid.cli.pack import pack, unpack
from pyramid.cli.preview import preview
from pyramid.cli.upgrade import upgrade
from pyramid.cli.usage import HELP, SentenceGroup
from pyramid.cli.validate import validate
from pyramid.cli.verify import verify
from pyramid.cli.view import view
from pyramid.cli.words import as_flags
from pyramid.errors import OptionError, PyramidError, SeveralImagesError
from pyramid.options.convert import Options, make_options

# New objects after which Python looks for garbage. Importing NumPy, Dask and Zarr makes a million objects and no
# garbage, and Python's own threshold spends a tenth of that time looking.
GARBAGE_OBJECTS = 100_000
# Threads of NumPy's OpenBLAS, which it starts for each core as it is imported. No command multiplies matrices, and the
# threads cost a tenth of a small image's processor time.
BLAS_THREADS = "1"
# When this command began, on the clock of `time.perf_counter`.
BEGUN_S = time.perf_counter()


class _Commands(SentenceGroup):
    """Commands in the order of this module, which is the order of their use."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **keywords: Any) -> Any:  # noqa: ANN401  (as click)
        if args is not None:
            return super().main(args, *rest, **keywords)
        with ending_when_interrupted():  # the process's own command
            try:
                return super().main(None, *rest, **keywords)
            finally:
                gc.freeze()  # Python looks for garbage at its end, for a tenth of a second; memory ends anyway


@click.group("pyramid", cls=_Commands, context_settings={"help_option_names": HELP})
@click.version_option(__version__, prog_name="pyramid")
def main() -> None:
    """Build multiscale OME-Zarr pyramids from TIFF files and arrays."""
    gc.set_threshold(GARBAGE_OBJECTS)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", BLAS_THREADS)


def _options(config: str | None, flags: Mapping[str, Any]) -> Options:
    """Return the options of a configuration file, replaced by given flags."""
    if config is None:
        return make_options(option_values(flags, {}))
    from pyramid.options.config import read_config  # noqa: PLC0415  (yaml: only where there is a file)

    return make_options(option_values(flags, read_config(config)))


def _refuse_memory_target(target: str) -> None:
    """Raise OptionError for a target in memory, which ends with the command."""
    from pyramid.stores import locate  # noqa: PLC0415  (more than a tenth of the time of --help)

    if locate(target).scheme == "memory":
        raise OptionError(
            f"{target}: memory:// is lost when the command ends; give a path, or an s3://, gs:// or az:// URL"
        )


@main.command()
@click.argument("words", nargs=-1, metavar="SOURCE... TARGET")
@each_flag
@option_flags
@config_flag
@json_flag
@progress_flag
@quiet_flag
@verbose_flag
def convert(words: Sequence[str], config: str | None, as_json: bool, **rest: Any) -> None:
    """Build the OME-Zarr pyramid TARGET of the image SOURCE.

    SOURCE is a TIFF, a folder or a quoted glob of TIFFs that are one image, a Zarr array, an OME-Zarr, or a file of
    HDF5, NumPy and others. TARGET is a path or an s3://, gs:// or az:// URL where nothing exists yet.

    Several SOURCEs, or a list as @list.txt or @list.csv, go into the folder TARGET, each as a pyramid of its own.
    """
    quiet, verbose, no_progress = rest.pop("quiet"), rest.pop("verbose"), rest.pop("no_progress")
    each, (*sources, target) = rest.pop("each"), words
    with exit_on_error(verbose=verbose, quiet=quiet, as_json=as_json) as ending:
        options = _options(config, rest)
        _refuse_memory_target(target)
        shows_progress = not (quiet or no_progress)
        if not is_batch(sources, target, each=each) and not is_grouped(options):
            try:
                _convert_one(sources[0], target, options, ending, shows_progress, as_json=as_json, quiet=quiet)
                return
            except SeveralImagesError as error:
                options = for_all_images(options, target, error)
        report = start_report(sources, target, options, each=each)
        ending.report = report.to_dict
        convert_batch(report, show_progress=shows_progress)
        print_report(report, as_json=as_json, quiet=quiet)


def _convert_one(  # noqa: PLR0913  (what a command has parsed)
    source: str, target: str, options: Options, ending: Ending, shows_progress: bool, *, as_json: bool, quiet: bool
) -> None:
    """Convert one image, and print what is written."""
    from pyramid import api  # noqa: PLC0415  (numpy and more: not for --help)
    from pyramid.engine.report import RunReport  # noqa: PLC0415

    result = RunReport("convert", source, target, options)
    ending.report = result.to_dict
    api.run(source, target, options, shows_progress, result)
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=2))
    elif not quiet:
        try:
            click.echo(str(api.read_back(source, result.target or target, options)))
        except PyramidError as error:  # the pyramid itself is written
            print_notice(str(error))
        if result.tally is not None:
            click.echo(result.summary(), err=True)


@main.command()
@click.argument("words", nargs=-1, metavar="SOURCE... [TARGET]")
@each_flag
@option_flags
@click.option(
    "--sample",
    is_flag=True,
    help="Do a few blocks in a temporary folder, to estimate time and bytes after compression.",
)
@click.option("--chunks-report", is_flag=True, help="Show what regions cost to read, in these chunks and in others.")
@config_flag
@json_flag
@quiet_results_flag
@verbose_flag
def plan(words: Sequence[str], config: str | None, as_json: bool, **rest: Any) -> None:
    """Show what convert would do, without writing anything.

    No pixel is read and nothing is written, unless --sample is given. Of several SOURCEs the sums are shown, and which
    are refused.
    """
    (sources, target), each = split_plan(words), rest.pop("each")
    asked = {name: rest.pop(name) for name in ("sample", "chunks_report")}
    quiet, verbose = rest.pop("quiet"), rest.pop("verbose")
    with exit_on_error(verbose=verbose, quiet=quiet, as_json=as_json):
        options = _options(config, rest)
        if target is not None:
            _refuse_memory_target(target)
        if not is_batch(sources, target, each=each) and not is_grouped(options):
            from pyramid import api  # noqa: PLC0415  (numpy and more: not for --help)

            try:
                decided = api.plan_parsed(sources[0], target, options, begun_s=BEGUN_S, **asked)
                click.echo(json.dumps(decided.to_dict(), indent=2) if as_json else as_flags(str(decided)))
                return
            except SeveralImagesError as error:
                options = for_all_images(options, target, error)
        plan_batch((sources, target), options, each=each, as_json=as_json, **asked)


main.add_command(add_levels)


@main.command()
@click.argument("url")
@click.option("--all", "every", is_flag=True, help="Read all wells and images of a collection, not one as a sample.")
@click.option("--picture", is_flag=True, help="Print a picture too, as the terminal can show it.")
@click.option("--ascii", "as_ascii", is_flag=True, help="Print the picture as ASCII.")
@storage_flags
@json_flag
@quiet_results_flag
@verbose_flag
def info(url: str, every: bool, as_json: bool, **storage: Any) -> None:
    """Print the metadata of an OME-Zarr, without reading pixels.

    URL is a path or URL of an image, a plate, a well, several images side by side, or labels, in OME-Zarr 0.1 to 0.6.
    Pixels are read for --picture only.
    """
    quiet, verbose = storage.pop("quiet"), storage.pop("verbose")
    as_ascii = storage.pop("as_ascii")
    picture = storage.pop("picture") or as_ascii
    if picture and as_json:
        raise click.UsageError("--json prints no picture; leave --picture and --ascii out")
    with exit_on_error(verbose=verbose, quiet=quiet, as_json=as_json):
        storage_options = storage_values(storage)
        from pyramid import image  # noqa: PLC0415  (numpy: not for --help)

        found = image.info(url, storage_options, all=every)
        click.echo(json.dumps(found.to_dict(), indent=2) if as_json else str(found))
        if picture:
            from pyramid.cli.picture import print_picture  # noqa: PLC0415  (only for a picture)

            print_picture(url, storage_options, ascii_only=as_ascii)


main.add_command(view)
main.add_command(preview)
main.add_command(manifest)
main.add_command(validate)
main.add_command(verify)
main.add_command(download)
main.add_command(edit)
main.add_command(upgrade)
main.add_command(pack)
main.add_command(unpack)
main.add_command(completion)


@main.command()
@click.argument("folder", default="pyramid-demo")
@verbose_flag
def demo(folder: str, verbose: bool) -> None:
    """Write a real sample TIFF to FOLDER, and convert it.

    How to view the result is printed at the end.
    """
    with exit_on_error(verbose=verbose):
        from pyramid.cli.demo import run_demo  # noqa: PLC0415  (numpy and more: not for --help)

        run_demo(folder)
