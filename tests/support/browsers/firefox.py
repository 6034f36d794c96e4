"""Firefox without a window or on a screen in memory, driven through WebDriver BiDi, which it speaks itself."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import websocket

from tests.support.browsers.page import PATIENCE_S, WINDOW, Page

# What a profile is to do: be silent, ask nobody, and show colours as they are.
PREFERENCES = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "focusmanager.testmode": True,
    "gfx.color_management.mode": 0,
    "layout.css.devPixelsPerPx": "1.0",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://127.0.0.1:9",
    "toolkit.telemetry.enabled": False,
    "webgl.force-enabled": True,
}
# The characters that WebDriver has for keys with a name.
_NAMED_KEYS = {"Tab": "\ue004", "Enter": "\ue007"}


class _Tab(Page):
    """A tab of Firefox."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._socket = websocket.create_connection(address, timeout=PATIENCE_S, suppress_origin=True)
        self._number = 0
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded"])
        self._context = self.call("browsingContext.create", type="window")["context"]
        self.call("browsingContext.activate", context=self._context)
        size = {"width": WINDOW[0], "height": WINDOW[1]}
        self.call("browsingContext.setViewport", context=self._context, viewport=size)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == self._number:
                assert answer["type"] == "success", (method, answer)
                found: dict[str, Any] = answer["result"]
                return found
            details = answer.get("params", {})
            if answer.get("method") == "log.entryAdded" and details["level"] in ("error", "warn"):
                self.complaints.append(json.dumps(details)[:600])

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript, awaited."""
        target = {"context": self._context}
        found = self.call("script.evaluate", expression=expression, target=target, awaitPromise=True)
        assert found["type"] == "success", found
        return _value(found["result"])

    def navigate(self, url: str) -> None:
        """Load a page.

        Scripts that run while Firefox parses a page can stop its parser for good, so nothing is asked until the end.
        """
        self.call("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def press(self, key: str) -> None:
        """Press a key that writes a character, or Tab or Enter."""
        value = _NAMED_KEYS.get(key, key)
        actions = [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self._perform({"type": "key", "id": "keys", "actions": actions})

    def point(self, x: float, y: float) -> None:
        """Move the pointer."""
        actions = [{"type": "pointerMove", "x": int(x), "y": int(y)}]
        self._perform({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions})

    def screenshot(self) -> bytes:
        """Return what the window shows, as PNG."""
        return base64.b64decode(self.call("browsingContext.captureScreenshot", context=self._context)["data"])

    def _perform(self, source: dict[str, Any]) -> None:
        self.call("input.performActions", context=self._context, actions=[source])


def _value(sent: dict[str, Any]) -> Any:
    """Return a value of JavaScript as it is sent."""
    if sent["type"] == "array":
        return [_value(item) for item in sent.get("value", ())]
    if sent["type"] == "object":
        return {key: _value(item) for key, item in sent.get("value", ())}
    return sent.get("value")


@contextmanager
def firefox_on_a_screen(folder: Path) -> Iterator[Page]:
    """A browser as `firefox`, on a screen in memory: without one Firefox has no WebGL."""
    program = shutil.which("Xvfb")
    assert program, "Xvfb is missing: make test-services installs it"
    told, tells = os.pipe()
    size = f"{WINDOW[0] + 100}x{WINDOW[1] + 200}x24"
    words = [program, "-displayfd", str(tells), "-screen", "0", size, "-nolisten", "tcp"]
    screen = subprocess.Popen(words, pass_fds=[tells], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(tells)
    try:
        with os.fdopen(told) as said:
            number = said.readline().strip()
        assert number, "Xvfb does not start"
        with _started(folder, [], {"DISPLAY": f":{number}", "LIBGL_ALWAYS_SOFTWARE": "1"}) as tab:
            yield tab
    finally:
        screen.kill()
        screen.wait()


@contextmanager
def firefox(folder: Path) -> Iterator[Page]:
    """A browser with one tab, whose profile is in a folder."""
    size = {"MOZ_HEADLESS_WIDTH": str(WINDOW[0]), "MOZ_HEADLESS_HEIGHT": str(WINDOW[1] + 100)}
    with _started(folder, ["--headless"], size) as tab:
        yield tab


@contextmanager
def _started(folder: Path, flags: list[str], variables: dict[str, str]) -> Iterator[Page]:
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    assert program, "Firefox is missing: make test-services installs it"
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()]
    (folder / "user.js").write_text("".join(lines))
    words = [program, *flags, "--no-remote", "--profile", str(folder), "--remote-debugging-port", "0"]
    log = folder / "log.txt"
    with log.open("wb") as output:
        environment = {**os.environ, **variables, "HOME": str(folder)}
        child = subprocess.Popen(words, stdout=output, stderr=output, env=environment, start_new_session=True)
    try:
        with closing(_Tab(f"{_address(log)}/session")) as tab:
            yield tab
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _address(log: Path) -> str:
    """Wait until the browser has said where it listens, and return that."""
    end_s = time.monotonic() + PATIENCE_S
    while not (found := re.search(r"WebDriver BiDi listening on (ws://\S+)", log.read_text(errors="replace"))):
        assert time.monotonic() < end_s, log.read_text(errors="replace")
        time.sleep(0.05)
    return found[1]
