"""The page in a real browser: Chromium, driven over its debugging pipe, so that nothing else is needed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bgs.reports.page import render_report
from bgs.reports.record import RunRecord

# Text must stand out from what is behind it: WCAG AA asks for 4.5 to 1.
LOWEST_CONTRAST = """
(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = (c) => c.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    }
  };
  let worst = [99, ""];
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    const [a, b] = [luminance(rgb(e.closest("svg") ? style.fill : style.color)), luminance(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, walker.currentNode.data.trim()];
  }
  return worst;
})()
"""


# What reaches past the window; only what lies in a box that scrolls, and shows it, may do so.
TOO_WIDE = """
[...document.querySelectorAll("body *")].filter((e) => {
  const {right, width} = e.getBoundingClientRect();
  if (!width || right <= innerWidth + 0.5 || e.closest("pre")) return false;
  const box = e.parentElement.closest(".scroll");
  return !box || getComputedStyle(box).overflowX !== "auto" || getComputedStyle(box).backgroundImage === "none";
}).map((e) => e.outerHTML.slice(0, 200))
"""


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
            text = {"text": " "} if key == " " and kind == "keyDown" else {}
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key.strip() or "Space", **text
            )

    def point(self, selector: str) -> None:
        place = self.evaluate(
            f"(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center'}});"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    found = [
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ]
    if not found:
        pytest.skip("needs Chromium on the PATH (Debian: apt install chromium)")
    (read_here, write_there), (read_there, write_here) = os.pipe(), os.pipe()
    profile = tmp_path_factory.mktemp("profile")
    flags = "--headless=new --no-sandbox --disable-gpu --no-first-run --remote-debugging-pipe"
    # The browser reads commands from descriptor 3 and answers on 4.
    process = subprocess.Popen(
        [
            "bash",
            "-c",
            f'exec "$0" {flags} --user-data-dir={profile} 3<&{read_there} 4>&{write_there} 2>/dev/null',
            found[0],
        ],
        pass_fds=(read_there, write_there),
    )
    os.close(read_there)
    os.close(write_there)
    yield Page(write_here, read_here)
    os.close(write_here)
    process.terminate()
    process.wait(timeout=20)
    os.close(read_here)


@pytest.fixture(scope="module")
def page(record: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render_report([record], tmp_path_factory.mktemp("browser") / "report.html")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_whole_legible_and_silent(
    browser: Page, page: Path, width: int, dark: bool
) -> None:
    browser.show(page, width=width, dark=dark)
    # A hostile caption would have changed the title.
    assert browser.evaluate("document.title") == "demo · bgs report"
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sizes = browser.evaluate(
        "[...document.querySelectorAll('main svg')].map((e) => e.getBoundingClientRect().width)"
    )
    assert len(sizes) > 20
    assert min(sizes) > 20
    ratio, text = browser.evaluate(LOWEST_CONTRAST)
    assert ratio >= 4.5, text
    assert browser.complaints == []


@pytest.mark.parametrize("width", [1280, 1200, 900, 390])
def test_nothing_is_wider_than_the_window(
    browser: Page, record: RunRecord, page: Path, tmp_path: Path, width: int
) -> None:
    for shown in (page, render_report([record, record], tmp_path / "two.html")):
        browser.show(shown, width=width)
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert browser.evaluate(TOO_WIDE) == []
        # Pictures shrink instead of being cut.
        strips = "document.querySelector('.strips')"
        assert browser.evaluate(
            f"{strips}.parentElement.scrollWidth <= {strips}.parentElement.clientWidth"
        )
        assert browser.evaluate(
            f"[...{strips}.querySelectorAll('td')].every((e) => e.scrollWidth <= e.clientWidth)"
        )


def test_tables_sort_by_mouse_and_keyboard(browser: Page, page: Path) -> None:
    browser.show(page)
    column = "[...document.querySelectorAll('[data-sortable]')[0].tBodies[0].rows].map((row) => row.cells[1].innerText)"
    heading = "document.querySelectorAll('[data-sortable]')[0].tHead.rows[0].cells[1]"
    before = browser.evaluate(column)
    browser.evaluate(f"{heading}.querySelector('button').click()")
    assert browser.evaluate(f"{heading}.ariaSort") == "descending"
    assert browser.evaluate(column) == sorted(before, reverse=True) != before
    browser.evaluate(f"{heading}.querySelector('button').focus()")
    browser.press(" ")
    assert browser.evaluate(f"{heading}.ariaSort") == "ascending"
    assert browser.evaluate(column) == sorted(before)
    assert browser.complaints == []


def test_the_map_answers_to_the_keyboard(browser: Page, page: Path) -> None:
    browser.show(page)
    # One stop for Tab in each of the three panels; arrows lead from dot to dot.
    assert browser.evaluate("document.querySelectorAll('circle[tabindex=\"0\"]').length") == 3
    browser.evaluate("document.querySelector('circle[tabindex=\"0\"]').focus()")
    first = browser.evaluate("document.activeElement.dataset.clip")
    browser.press("ArrowRight")
    assert browser.evaluate("document.activeElement.dataset.clip") != first
    words = browser.evaluate("document.activeElement.ariaLabel")
    assert browser.evaluate("tip.textContent") == words.replace(": ", "", 1)
    assert browser.evaluate("tip.querySelector('use') !== null && !tip.hidden")
    assert browser.evaluate("document.querySelectorAll('circle.lit').length") == 3
    browser.press("Escape")
    assert browser.evaluate("tip.hidden")
    assert browser.complaints == []


def test_the_map_answers_to_the_pointer(browser: Page, page: Path) -> None:
    browser.show(page)
    browser.point("circle[data-clip]")
    assert browser.evaluate("!tip.hidden")
    box = browser.evaluate(
        "(({left, top, right, bottom}) => [left, top, right, bottom])(tip.getBoundingClientRect())"
    )
    assert box[0] >= 0
    assert box[1] >= 0
    assert box[2] <= 1280
    assert box[3] <= 900


def test_dots_become_pictures_and_back(browser: Page, page: Path) -> None:
    browser.show(page)
    drawn = "document.querySelectorAll('[data-picture] use').length"
    assert browser.evaluate(drawn) == 0
    browser.evaluate("document.querySelector('[data-pictures]').click()")
    assert browser.evaluate(drawn) == 180
    browser.evaluate("document.querySelector('[data-pictures]').click()")
    assert browser.evaluate(drawn) == 0


def test_the_page_prints(browser: Page, page: Path) -> None:
    browser.show(page)
    printed = browser.call("Page.printToPDF", printBackground=True)["data"]
    assert len(printed) > 50_000
    assert browser.evaluate("document.querySelector('details').open")
