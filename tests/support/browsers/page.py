"""A tab of a browser, whatever the browser."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

# Seconds that anything may take on a slow machine.
PATIENCE_S = 40
# The inner width and height of the window.
WINDOW = (1100, 700)


class Page(ABC):
    """A tab of a browser.

    Attributes
    ----------
    complaints
        Errors and warnings of its console, and exceptions that nobody caught.
    """

    def __init__(self) -> None:
        self.complaints: list[str] = []

    @abstractmethod
    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript, awaited."""

    @abstractmethod
    def navigate(self, url: str) -> None:
        """Load a page, or begin to."""

    @abstractmethod
    def press(self, key: str) -> None:
        """Press a key that writes a character, or Tab or Enter."""

    @abstractmethod
    def point(self, x: float, y: float) -> None:
        """Move the pointer."""

    @abstractmethod
    def screenshot(self) -> bytes:
        """Return what the window shows, as PNG."""

    def wait_for(self, expression: str) -> None:
        """Wait until an expression is true."""
        end_s = time.monotonic() + PATIENCE_S
        while not self.evaluate(expression):
            assert time.monotonic() < end_s, f"it never became true: {expression}; {self.complaints}"
            time.sleep(0.05)

    def go(self, url: str) -> None:
        """Load a page anew, also where only the part after # differs."""
        self.navigate("about:blank")
        self.wait_for("location.href === 'about:blank'")
        self.navigate(url)
        self.wait_for(f"location.href.startsWith({json.dumps(url.partition('#')[0])})")

    def picture(self) -> NDArray[np.uint8]:
        """Return what the window shows: (y, x, 3), uint8."""
        return np.asarray(imagecodecs.png_decode(self.screenshot()))[..., :3]
