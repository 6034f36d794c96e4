"""Chromium without a window, driven through its DevTools protocol over a pipe."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.browsers.page import PATIENCE_S, WINDOW, Page

FLAGS = (
    *(
        "--headless=new",
        "--no-sandbox",
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
        "--hide-scrollbars",
        "--mute-audio",
        "--no-first-run",
    ),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
    *("--force-device-scale-factor=1", "--force-color-profile=srgb", "--remote-debugging-pipe"),
)  # Code and text of keys that have a name.
_NAMED_KEYS = {"Tab": (9, ""), "Enter": (13, "\r")}


class _Tab(Page):
    """A tab of Chromium."""

    def __init__(self, asks: int, answers: int) -> None:
        super().__init__()
        self._asks, self._answers = asks, answers
        self._number, self._rest = 0, b""
        target = self._call("Target.createTarget", {"url": "about:blank"}, None)["targetId"]
        attached = self._call("Target.attachToTarget", {"targetId": target, "flatten": True}, None)
        self._session: str | None = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        size = {"width": WINDOW[0], "height": WINDOW[1], "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        return self._call(method, parameters, self._session)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript, awaited."""
        found = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def navigate(self, url: str) -> None:
        """Begin to load a page."""
        self.call("Page.navigate", url=url)

    def press(self, key: str) -> None:
        """Press a key that writes a character, or Tab or Enter."""
        code, text = _NAMED_KEYS.get(key, (0, key))
        named = {"windowsVirtualKeyCode": code, "code": key} if code else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text, **named)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, **named)

    def point(self, x: float, y: float) -> None:
        """Move the pointer."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def screenshot(self) -> bytes:
        """Return what the window shows, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def _call(self, method: str, parameters: dict[str, Any], session: str | None) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._asks, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                found: dict[str, Any] = answer["result"]
                return found
            self._note(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            readable, _, _ = select.select([self._answers], [], [], PATIENCE_S)
            piece = os.read(self._answers, 2**20) if readable else b""
            assert piece, "the browser does not answer"
            self._rest += piece
        body, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(body)
        return found

    def _note(self, event: dict[str, Any]) -> None:
        """Keep what the console complains of."""
        method, details = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(details["exceptionDetails"])[:600])
        if method == "Log.entryAdded" and details["entry"]["level"] in ("error", "warning"):
            self.complaints.append(json.dumps(details["entry"])[:600])
        if method == "Runtime.consoleAPICalled" and details["type"] in ("error", "assert", "warning"):
            self.complaints.append(json.dumps(details["args"])[:600])


@contextmanager
def chromium(folder: Path) -> Iterator[Page]:
    """A browser with one tab, whose profile is in a folder."""
    program = shutil.which("chromium")
    assert program, "chromium is missing: make test-services installs it"
    (asked, asks), (answers, answered) = os.pipe(), os.pipe()
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (asked, answered)]
    actions = [(os.POSIX_SPAWN_DUP2, ends[0], 3), (os.POSIX_SPAWN_DUP2, ends[1], 4)]
    words = [program, *FLAGS, f"--user-data-dir={folder}", f"--window-size={WINDOW[0]},{WINDOW[1]}"]
    log = os.open(folder / "log.txt", os.O_CREAT | os.O_WRONLY)
    actions += [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    child = os.posix_spawn(program, words, dict(os.environ), file_actions=actions, setpgroup=0)
    for end in (asked, answered, log, *ends):
        os.close(end)
    try:
        yield _Tab(asks, answers)
    finally:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(asks)
        os.close(answers)
