"""The page in a real browser: whole, legible, silent, and usable without a mouse, in either scheme and on paper."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from bgs.reports.page import render_report
from bgs.reports.record import RunRecord
from tests.reports import audits
from tests.reports.browser import Page, find_chromium, open_browser

NAMELESS = {"image", "link", "button", "checkbox", "region", "table", "navigation", "article"}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    program = find_chromium()
    if program is None:
        pytest.skip("needs Chromium on the PATH (Debian: apt install chromium)")
    with open_browser(program, tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module")
def page(analysed: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render_report([analysed], tmp_path_factory.mktemp("browser") / "report.html")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_whole_legible_and_silent(
    browser: Page, page: Path, width: int, dark: bool
) -> None:
    browser.show(page, width=width, dark=dark)
    # A hostile caption would have changed the title.
    assert browser.evaluate("document.title") == "demo · bgs report"
    browser.evaluate(audits.OPEN_FOLDS)
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert browser.evaluate("document.querySelectorAll('main svg, main img').length") > 60
    assert browser.evaluate(audits.UNSEEN) == []
    assert browser.evaluate(audits.CUT_OFF) == []
    ratio, text = browser.evaluate(audits.LOWEST_TEXT_CONTRAST)
    assert ratio >= 4.5, text
    ratio, mark = browser.evaluate(audits.LOWEST_MARK_CONTRAST)
    assert ratio >= 3, mark
    assert browser.complaints == []


@pytest.mark.parametrize("width", [1280, 1200, 900, 390])
def test_nothing_is_wider_than_the_window(
    browser: Page, analysed: RunRecord, page: Path, tmp_path: Path, width: int
) -> None:
    for shown in (page, render_report([analysed, analysed], tmp_path / "two.html")):
        browser.show(shown, width=width)
        browser.evaluate(audits.OPEN_FOLDS)
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert browser.evaluate(audits.TOO_WIDE) == []
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
    table = "document.querySelectorAll('[data-sortable]')[0]"
    column = f"[...{table}.tBodies[0].rows].map((row) => row.cells[1].innerText)"
    heading = f"{table}.tHead.rows[0].cells[1]"
    before = browser.evaluate(column)
    browser.click("[data-sortable] th:nth-child(2) button")
    assert browser.evaluate(f"{heading}.ariaSort") == "descending"
    assert browser.evaluate(column) == sorted(before, reverse=True) != before
    for key, order in ((" ", "ascending"), ("Enter", "descending")):
        browser.evaluate(f"{heading}.querySelector('button').focus()")
        browser.press(key)
        assert browser.evaluate(f"{heading}.ariaSort") == order
        assert browser.evaluate(column) == sorted(before, reverse=order == "descending")
    assert browser.complaints == []


def test_every_column_of_every_table_sorts(browser: Page, page: Path) -> None:
    browser.show(page)
    browser.evaluate(audits.OPEN_FOLDS)
    assert browser.evaluate("document.querySelectorAll('[data-sortable]').length") > 12
    assert browser.evaluate(audits.UNSORTED) == []


def test_tab_reaches_everything_and_shows_where_it_is(browser: Page, page: Path) -> None:
    browser.show(page)
    expected = browser.evaluate(audits.REACHABLE)
    stops = {}
    for _ in range(expected + 5):
        browser.press("Tab")
        stop = browser.evaluate(audits.FOCUS)
        if stop is None or stop[0] in stops:
            break
        stops[stop[0]] = stop
        assert stop[2], stop[1]
    assert len(stops) == expected > 60
    assert "Skip to the results" in next(iter(stops.values()))[1]


def test_everything_that_is_read_out_has_a_name(browser: Page, page: Path) -> None:
    browser.show(page)
    browser.evaluate(audits.OPEN_FOLDS)
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    told = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"]
    ]
    assert [role for role, name in told if role in NAMELESS and not name] == []
    names = [name for role, name in told if role == "image"]
    assert len(names) > 60
    assert any(name.startswith("Attention over frames of scene_000") for name in names)


def test_the_audits_find_what_is_wrong(browser: Page, page: Path) -> None:
    """A question that any page answers well would be no test of this one."""
    browser.show(page)
    browser.evaluate(
        "document.documentElement.style.setProperty('--accent', '#ddccc8');"
        "document.querySelector('main .panel text').setAttribute('x', '-30');"
        "document.querySelector('.title').style.width = '2000px';"
        "document.querySelectorAll('[data-sortable]')[0].tBodies[0].rows[0].cells[1].dataset.value = 'x'"
    )
    assert browser.evaluate(audits.LOWEST_TEXT_CONTRAST)[0] < 2
    assert browser.evaluate(audits.LOWEST_MARK_CONTRAST)[0] < 2
    assert len(browser.evaluate(audits.CUT_OFF)) == 1
    assert len(browser.evaluate(audits.TOO_WIDE)) >= 1
    assert len(browser.evaluate(audits.UNSORTED)) >= 1
    browser.evaluate("document.querySelector('main .panel svg').style.height = '1px'")
    assert len(browser.evaluate(audits.UNSEEN)) == 1


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


def test_strips_and_triads_answer_to_the_keyboard_too(browser: Page, page: Path) -> None:
    browser.show(page)
    for place in (".strips", ".triads"):
        assert (
            browser.evaluate(f"document.querySelectorAll(\"{place} [tabindex='0']\").length") >= 1
        )
        browser.evaluate(f"document.querySelector(\"{place} [tabindex='0']\").focus()")
        first = browser.evaluate("document.activeElement.ariaLabel")
        assert browser.evaluate("tip.textContent") == first.replace(": ", "", 1)
        browser.press("ArrowRight")
        assert browser.evaluate("document.activeElement.ariaLabel") != first
        assert browser.evaluate("!tip.hidden")


def test_a_click_keeps_the_words_of_a_clip(browser: Page, page: Path) -> None:
    browser.show(page)
    browser.click("circle[data-clip]")
    browser.point(".title")
    assert browser.evaluate("!tip.hidden")
    browser.click(".title")
    assert browser.evaluate("tip.hidden")


def test_contents_lead_to_their_sections(browser: Page, page: Path) -> None:
    browser.show(page)
    links = browser.evaluate(
        "[...document.querySelectorAll('.contents a')].map((link) => [link.hash.slice(1), link.textContent])"
    )
    headings = browser.evaluate(
        "[...document.querySelectorAll('.section-title')].map((e) => [e.id, e.textContent])"
    )
    assert links == headings
    assert len(links) == 15
    browser.click(".contents li:last-child a")
    assert browser.evaluate("scrollY") > 1000


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_prints(browser: Page, page: Path, dark: bool) -> None:
    browser.show(page, dark=dark)
    printed = b64decode(browser.call("Page.printToPDF", printBackground=True)["data"])
    assert len(printed) > 50_000
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", printed))
    assert 8 <= pages <= 30
    assert browser.evaluate("[...document.querySelectorAll('details')].every((fold) => fold.open)")
    # Paper is white, whatever the screen is.
    browser.call("Emulation.setEmulatedMedia", media="print")
    paper = browser.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    browser.call("Emulation.setEmulatedMedia", media="")
    assert paper == "rgb(255, 255, 255)"
