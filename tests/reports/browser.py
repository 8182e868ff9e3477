"""Chromium, driven over its debugging pipe, so that nothing else is needed to test a page in a real browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
KEYS = {" ": (32, " "), "Enter": (13, "\r"), "Tab": (9, "")}
FLAGS = "--headless=new --no-sandbox --disable-gpu --no-first-run --remote-debugging-pipe"


class Page:
    """One tab. Messages are JSON, each ended by a zero byte; events are kept as they come."""

    def __init__(self, send: int, receive: int) -> None:
        self.send, self.receive, self.rest = send, receive, b""
        self.numbers = count(1)
        self.session: str | None = None
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setFocusEmulationEnabled", enabled=True
        )  # as if its window were in front

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self.session is not None:
            message["sessionId"] = self.session
        os.write(self.send, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != number:
            self._note(answer)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            chunk = os.read(self.receive, 1 << 16)
            assert chunk, "the browser went away"
            self.rest += chunk
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        method, parameters = event.get("method"), event.get("params", {})
        if method in ("Runtime.exceptionThrown", "Log.entryAdded") or (
            method == "Runtime.consoleAPICalled"
            and parameters["type"] in ("error", "warning", "assert")
        ):
            self.complaints.append(json.dumps(parameters))
        if method == "Network.requestWillBeSent" and not parameters["request"]["url"].startswith(
            ("file:", "data:")
        ):
            self.complaints.append(parameters["request"]["url"])

    def evaluate(self, expression: str) -> Any:
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def show(self, path: Path, *, width: int = 1280, dark: bool = False) -> None:
        self.complaints.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path.as_uri())
        self.evaluate(
            "new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', done))"
        )
        assert self.evaluate("location.protocol") == "file:"

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            # Without its number and its text, a key is only announced and does nothing of its own.
            number, text = KEYS.get(key, (0, ""))
            typed = {"text": text} if text and kind == "keyDown" else {}
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key.strip() or "Space",
                windowsVirtualKeyCode=number,
                **typed,
            )

    def point(self, selector: str) -> None:
        self.place = self.evaluate(
            f"(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center'}});"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        x, y = self.place
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, selector: str) -> None:
        """A real click in the middle of an element, where a reader would aim."""
        self.point(selector)
        x, y = self.place
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def find_chromium() -> str | None:
    """The browser on the PATH, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def open_browser(program: str, profile: Path) -> Iterator[Page]:
    """One tab of a fresh browser, closed again whatever happens."""
    (read_here, write_there), (read_there, write_here) = os.pipe(), os.pipe()
    # The browser reads commands from descriptor 3 and answers on 4.
    process = subprocess.Popen(
        [
            "bash",
            "-c",
            f'exec "$0" {FLAGS} --user-data-dir={profile} 3<&{read_there} 4>&{write_there} 2>/dev/null',
            program,
        ],
        pass_fds=(read_there, write_there),
    )
    os.close(read_there)
    os.close(write_there)
    try:
        yield Page(write_here, read_here)
    finally:
        os.close(write_here)
        process.terminate()
        process.wait(timeout=20)
        os.close(read_here)
