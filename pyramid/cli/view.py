"""``pyramid view``: an OME-Zarr in a browser."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

import click

from pyramid.cli.failures import exit_on_error, print_notice
from pyramid.cli.flags import json_flag, quiet_results_flag, storage_flags, storage_values, verbose_flag
from pyramid.cli.usage import SentenceCommand


@click.command(cls=SentenceCommand)
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("--port", metavar="N", help="Port to listen on. [default: one that is free].")
@click.option("--host", metavar="ADDRESS", help="Address to listen on. [default: 127.0.0.1].")
@click.option("--token", is_flag=True, help="Put a token into the URL, also where only this machine can ask.")
@click.option(
    "--cors", multiple=True, metavar="ORIGIN", help="Let pages of this web origin read the stores; repeatable."
)
@click.option("--diff", is_flag=True, help="Show the absolute difference of two images too.")
@click.option("--memory", metavar="512MiB", help="Memory for decoded chunks. [default: 512MiB].")
@click.option("--no-browser", is_flag=True, help="Open no browser.")
@storage_flags
@json_flag
@quiet_results_flag
@verbose_flag
def view(urls: Sequence[str], as_json: bool, quiet: bool, **rest: Any) -> None:
    """Show the OME-Zarr at each URL in a browser, until Ctrl-C.

    A server on this machine renders tiles of what is in sight, and serves the stores below /data/. Several URLs are
    shown side by side. No network is needed. On an address that other machines reach, its URL has a token.
    """
    verbose, no_browser = rest.pop("verbose"), rest.pop("no_browser")
    with exit_on_error(verbose=verbose, quiet=quiet, as_json=as_json):
        storage_options = storage_values(rest)
        from pyramid import viewing  # noqa: PLC0415  (obstore and a server: not for --help)
        from pyramid.viewing.memory import share_one_arena  # noqa: PLC0415  (NumPy, as above)

        options = {name: value for name, value in rest.items() if value is not None}
        share_one_arena()
        viewer = viewing.view(*urls, storage_options=storage_options, **options)
        click.echo(json.dumps({"url": viewer.url}) if as_json else viewer.url)
        try:
            if not no_browser:
                threading.Thread(target=_open_browser, args=(viewer.url,), daemon=True).start()
            if not quiet:
                print_notice("Ctrl-C ends it")
            viewer.wait()
        except KeyboardInterrupt:  # the usual end of a server
            viewer.close()


def _open_browser(url: str) -> None:
    """Open a page in a browser with windows; one in the terminal would take it."""
    import webbrowser  # noqa: PLC0415  (only where one is opened)

    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        print_notice(f"no browser was found; open {url} in one")
        return
    if type(browser) is webbrowser.GenericBrowser:
        print_notice(f"only a browser of the terminal was found; open {url} in another")
        return
    browser.open(url)
