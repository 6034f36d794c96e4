"""`create`: an image that is written by region."""

from pyramid.creating.creation import Creation
from pyramid.creating.making import create

__all__ = ["Creation", "create"]
