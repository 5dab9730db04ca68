"""The page in a real browser, Chromium, beside a real http camera that plays drawn fields."""

import csv
import io
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.live_run import WAIT_S, Microscope, microscope
from tests.test_live_server import OPEN_ADDRESS, eventually, post, state
from train.dataset import load_picture, read_dataset

DESKTOP = {"width": 1366, "height": 860}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
# Set to a folder to keep what the browser showed, for people to look at.
SHOTS_VARIABLE = "EDGE_CLASSIFY_SCREENSHOTS"
_SMALLEST_TOUCH_PX = 40

expect.set_options(timeout=WAIT_S * 1000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium from the system's packages; nothing is downloaded."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        reason = "no Chromium; `make test` installs what test-packages.txt names"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        # Its sandbox refuses to run for root, which is what a container's user is.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"], timeout=WAIT_S * 1000)
        yield browser
        browser.close()


@pytest.fixture
def scope() -> Iterator[Microscope]:
    """An empty place in sight; the camera goes where the test says."""
    with microscope(place=2) as scope:
        eventually(lambda: state(scope)["run"]["frames"])
        yield scope


def opened(browser: Browser, url: str, **options: object) -> tuple[Page, list[str]]:
    """The page in a browser of its own, and what went wrong in it."""
    context = browser.new_context(**({"viewport": DESKTOP, "accept_downloads": True} | options))
    context.set_default_timeout(WAIT_S * 1000)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(("http://127.", "ws://127.", "blob:")) else faults.append(request.url)
        ),
    )
    page.goto(url)
    return page, faults


def keep(page: Page, name: str, **options: bool) -> None:
    if folder := os.environ.get(SHOTS_VARIABLE):
        page.screenshot(path=Path(folder) / f"{name}.png", **options)


def count_a_field(scope: Microscope, page: Page) -> None:
    """Names the slide, starts by the key and moves to the first field."""
    page.locator("#slide").fill("P07 / 2")
    page.keyboard.press("Enter")
    page.keyboard.press("s")
    expect(page.locator("#state")).to_have_text("running")
    scope.place = 0
    expect(page.locator("#counted")).to_have_text("3")


def tally(page: Page) -> list[str]:
    return [" ".join(text.split()) for text in page.locator("#tally tr").all_inner_texts()]


def test_a_field_is_shown_outlined_and_counted(browser: Browser, scope: Microscope) -> None:
    page, faults = opened(browser, scope.url)
    expect(page.locator("#notice")).to_have_text("Research use only; not a medical device.")
    count_a_field(scope, page)
    expect(page.locator("#outlines g.cell")).to_have_count(4)
    for kind, cells in (("first", 2), ("second", 1), ("skipped", 1)):
        expect(page.locator(f"#outlines g.cell.{kind}")).to_have_count(cells)
    tags = page.locator("#outlines g.tag:not([visibility]) text").all_text_contents()
    assert sorted(tag.rpartition(" ")[0] for tag in tags) == ["\u25b2 ALL", "\u25b2 ALL", "\u25cf HEM"]
    # Told apart without colour: another dash and another shape.
    dashes = [
        page.locator(f"#outlines g.cell.{kind} .ink").first.evaluate("e => getComputedStyle(e).strokeDasharray")
        for kind in ("first", "second", "skipped")
    ]
    assert len(set(dashes)) == 3
    # The outline lies where the cell is drawn: the normal cell is drawn at 500, 120 of 640 x 480.
    area, cell = page.locator("#picture").bounding_box(), page.locator("#outlines g.second .area").bounding_box()
    assert area is not None and cell is not None
    x, y = area["x"] + area["width"] * 500 / 640, area["y"] + area["height"] * 120 / 480
    assert cell["x"] < x < cell["x"] + cell["width"] and cell["y"] < y < cell["y"] + cell["height"]
    # And the picture is really drawn: dark there, pale beside it.
    look = "([x, y]) => [...document.getElementById('picture').getContext('2d').getImageData(x, y, 1, 1).data]"
    nucleus = page.evaluate(look, [500, 120])
    assert nucleus[1] < 100
    assert tally(page)[:4] == ["\u25b2 ALL 2", "\u25cf HEM 1", "? uncertain 0", "\u2013 skipped 1"]
    expect(page.locator("#share-text")).to_contain_text("66.7 % ALL")
    expect(page.locator("#share-text")).to_contain_text("95 % interval 20.8 % to 93.9 %")
    expect(page.locator("#last li")).to_have_count(3)
    expect(page.locator("#last img").first).not_to_have_js_property("naturalWidth", 0)
    expect(page.locator("#camera")).to_contain_text("live")
    expect(page.locator("#latency")).to_contain_text("ms")
    keep(page, "desktop-light")
    assert not faults


def test_a_cell_is_overruled_and_taken_back_by_mouse_and_by_keys(browser: Browser, scope: Microscope) -> None:
    page, faults = opened(browser, scope.url, color_scheme="dark")
    count_a_field(scope, page)
    page.locator("#outlines g.cell.first").first.click()
    expect(page.locator("#detail-text")).to_contain_text("model: ALL")
    page.locator("#verdicts").get_by_role("button", name="HEM").click()
    expect(page.locator("#detail-text")).to_contain_text("you: HEM")
    expect(page.locator("#outlines g.cell.second")).to_have_count(2)
    assert tally(page)[:2] == ["\u25b2 ALL 1", "\u25cf HEM 2"] and tally(page)[4] == "overruled by a person 1"
    page.keyboard.press("x")
    expect(page.locator("#counted")).to_have_text("2")
    expect(page.locator("#last li.out")).to_have_count(1)
    page.keyboard.press("u")
    expect(page.locator("#counted")).to_have_text("3")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("2")
    eventually(lambda: state(scope)["count"]["overruled"] == 1)
    keep(page, "desktop-dark")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.keyboard.press("d")
    assert page.locator("html").get_attribute("data-theme") == "light"
    assert not faults


def test_the_exports_are_saved_and_training_reads_them(browser: Browser, scope: Microscope, tmp_path: Path) -> None:
    page, _ = opened(browser, scope.url)
    page.get_by_role("link", name="For training").click()
    expect(page.locator("#said")).to_contain_text("no cell was overruled yet")
    count_a_field(scope, page)
    numbers = {cell["label"]: cell["number"] for cell in state(scope)["last"]}
    post(scope, f"/api/cells/{numbers['all']}", verdict="hem")
    post(scope, f"/api/cells/{numbers['hem']}", verdict="all")
    with page.expect_download() as table:
        page.get_by_role("link", name="CSV").click()
    table.value.save_as(tmp_path / "count.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "count.csv").read_text("utf-8"))))
    assert {(row["slide"], row["label"], row["verdict"]) for row in rows} == {
        ("P07 / 2", "all", "hem"),
        ("P07 / 2", "all", ""),
        ("P07 / 2", "hem", "all"),
    }
    with page.expect_download() as cells:
        page.get_by_role("link", name="For training").click()
    cells.value.save_as(tmp_path / "overruled.zip")
    with zipfile.ZipFile(tmp_path / "overruled.zip") as archive:
        archive.extractall(tmp_path)
    dataset = read_dataset(tmp_path / "cells.csv")
    assert sorted((cell.subject, cell.label) for cell in dataset.cells) == [("P07 / 2", "all"), ("P07 / 2", "hem")]
    assert all(load_picture(cell).shape[2] == 3 for cell in dataset.cells)
    with page.context.expect_page() as report:
        page.get_by_role("link", name="Report").click()
    expect(report.value.locator("h1")).to_have_text("P07 / 2")
    expect(report.value.locator("figure")).to_have_count(2)
    expect(report.value.locator("body")).to_contain_text("Research use only; not a medical device.")
    keep(report.value, "report")


def test_a_new_count_is_asked_for_twice(browser: Browser, scope: Microscope) -> None:
    page, _ = opened(browser, scope.url)
    count_a_field(scope, page)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#state")).to_have_text("stopped")
    page.get_by_label("200").check()
    expect(page.locator("#target")).to_have_text("200")
    page.keyboard.press("n")
    expect(page.locator("#anew-text")).to_contain_text("3 cells")
    page.get_by_role("button", name="Keep it").click()
    assert state(scope)["count"]["counted"] == 3
    page.keyboard.press("n")
    page.locator("#anew-yes").click()
    expect(page.locator("#counted")).to_have_text("0")
    expect(page.locator("#slide")).to_have_value("")


def test_a_bad_name_is_said_and_changes_nothing(browser: Browser, scope: Microscope) -> None:
    page, _ = opened(browser, scope.url)
    page.locator("#slide").fill("=cmd()")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("must begin with a letter")
    assert state(scope)["count"]["slide"] == ""


def test_the_phone_shows_everything_in_one_column(browser: Browser, scope: Microscope) -> None:
    page, faults = opened(browser, scope.url, **PHONE)
    scope.place = 0
    page.get_by_role("button", name="Start").tap()
    expect(page.locator("#counted")).to_have_text("3")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["viewport"]["width"]  # type: ignore[index]
    tops = []
    for part in ("header", ".view", ".count", ".detail", ".cells", "footer"):
        box = page.locator(part).bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
        tops.append(box["y"])
    assert tops == sorted(tops)
    page.locator("#last button").first.tap()
    for button in page.locator("#verdicts button, #start, #reset").all():
        box = button.bounding_box()
        assert box is not None and box["height"] >= _SMALLEST_TOUCH_PX
    keep(page, "phone", full_page=True)
    assert not faults


def test_an_open_page_asks_for_the_token(browser: Browser) -> None:
    with microscope(OPEN_ADDRESS) as scope:
        address, _, token = scope.url.partition("?token=")
        local = f"http://127.0.0.1:{address.rstrip('/').rpartition(':')[2]}/"
        page, _ = opened(browser, local)
        expect(page.get_by_label("Token")).to_be_focused()
        keep(page, "token")
        page.get_by_label("Token").fill("a-wrong-token-of-mine")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("That is not the token.")
        page.get_by_label("Token").fill(token)
        page.keyboard.press("Enter")
        expect(page.locator("#camera")).to_contain_text("live")
        expect(page.locator("#outlines g.cell")).to_have_count(4)
        page, _ = opened(browser, f"{local}?token={token}")
        expect(page.locator("#camera")).to_contain_text("live")
        assert page.url == local, "the token does not stay in the address"


def test_a_lost_run_is_told_and_found_again(browser: Browser) -> None:
    with microscope() as scope:
        page, _ = opened(browser, scope.url)
        expect(page.locator("#outlines g.cell")).to_have_count(4)
        address = scope.url.removeprefix("http://").rstrip("/")
    expect(page.locator("#problem")).to_contain_text("No connection to edge-classify")
    with microscope(address):
        expect(page.locator("#problem")).to_be_hidden()
        expect(page.locator("#camera")).to_contain_text("live")
