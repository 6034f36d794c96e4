"""The command ``pyramid``: what a user types, and how failures are reported.

Start-up is quick: a command imports what it needs only when it runs.
"""

from pyramid.cli.main import main

__all__ = ["main"]
