"""The page of gan-report in a headless Chromium, opened from disk: what a reader sees and does.

GAN_SCREENSHOTS=shots pytest -m slow tests/report/test_page_browser.py    # keeps what the browser saw
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("selenium", reason="needs selenium")

from browser import browser, eventually, ink
from report.fakes import TAGS, fake
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from gan_cli.report.model import Report
from gan_cli.report.page import html

pytestmark = pytest.mark.slow

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
Show = Callable[..., Chrome]


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two losses with three seeds each."""
    folder = tmp_path_factory.mktemp("page")
    return written(folder, fake(folder))


def written(folder: Path, report: Report) -> Path:
    path = folder / "report.html"
    path.write_text(html(report), encoding="utf-8")
    return path


@pytest.fixture
def show(chrome: Chrome, page: Path, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Show]:
    """Opens a page from disk; after the test the browser must not have complained, nor asked anybody for anything."""
    folder = Path(os.environ.get("GAN_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)

    def open_page(path: Path = page, width: int = 1300, dark: bool = False) -> Chrome:
        chrome.get_log("browser")  # what was there before is another test's
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        chrome.get(path.as_uri())
        return chrome

    yield open_page
    chrome.save_screenshot(str(folder / f"{re.sub(r'[^a-z0-9]+', '_', request.node.name)}.png"))
    assert [entry["message"] for entry in chrome.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    resources = chrome.execute_script("return performance.getEntriesByType('resource').map(r => r.name)")
    assert [name for name in resources if not name.startswith(("data:", "blob:"))] == []


def one(chrome: Chrome, selector: str) -> WebElement:
    return chrome.find_element(By.CSS_SELECTOR, selector)


def to(chrome: Chrome, selector: str) -> WebElement:
    """Scroll to an element."""
    found = one(chrome, selector)
    chrome.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", found)
    return found


def texts(chrome: Chrome, selector: str) -> list[str]:
    """What is to be seen of some elements."""
    return [e.text for e in chrome.find_elements(By.CSS_SELECTOR, selector) if e.is_displayed()]


def choose(chrome: Chrome, selector: str, option: str) -> None:
    to(chrome, f"{selector} option[value='{option}']").click()


def traces(chrome: Chrome, selector: str) -> list[dict[str, Any]]:
    """What plotly draws, once it does."""
    plotted: list[dict[str, Any]] = eventually(
        lambda: chrome.execute_script("return document.querySelector(arguments[0]).data", selector)
    )
    return plotted


def test_the_charts_are_drawn_when_they_are_seen(show: Show) -> None:
    chrome = show()
    for chart in ("#intervals", "#curve-chart"):
        node = to(chrome, chart)
        assert eventually(lambda node=node: ink(node) > 300)


def test_a_click_on_a_head_sorts_numbers_as_numbers(show: Show) -> None:
    chrome = show()
    table = "#run-table tbody td:nth-child(6)"
    before = texts(chrome, table)
    assert before == ["0:07", "0:08", "0:09", "0:10", "0:11", "0:12"]
    head = to(chrome, "#run-table th:nth-child(6) button")
    head.click()
    head.click()
    assert texts(chrome, table) == before[::-1]
    assert one(chrome, "#run-table th:nth-child(6)").get_attribute("aria-sort") == "descending"


def test_what_has_no_number_is_sorted_to_the_end_either_way(show: Show, tmp_path: Path) -> None:
    report = fake(tmp_path, steps=0)
    report.runs[3].images_per_second = None
    report.runs[4].images_per_second = 900_000.0  # after the others as a number, and before them as a text
    chrome = show(written(tmp_path, report))
    head = to(chrome, "#run-table th:nth-child(7) button")
    head.click()
    assert texts(chrome, "#run-table tbody td:nth-child(7)")[-2:] == ["900,000", "–"]
    head.click()
    column = texts(chrome, "#run-table tbody td:nth-child(7)")
    assert (column[0], column[-1]) == ("900,000", "–")


def test_a_text_filters_a_table(show: Show) -> None:
    chrome = show()
    to(chrome, "#run-table input").send_keys("LOSS1 seed=2")
    assert len(texts(chrome, "#run-table tbody tr")) == 1
    assert one(chrome, "#run-table output").text == "1 of 6 rows"


def test_a_metric_changes_chart_and_tables(show: Show) -> None:
    chrome = show()
    to(chrome, "#intervals")
    first = traces(chrome, "#intervals")[1]["x"]
    assert texts(chrome, "#summaries tbody") == [one(chrome, "#summaries tbody[data-metric='eval/cfd']").text]
    choose(chrome, "#metric", "eval/precision")
    assert eventually(lambda: traces(chrome, "#intervals")[1]["x"] != first)
    assert texts(chrome, "#summaries tbody") == [one(chrome, "#summaries tbody[data-metric='eval/precision']").text]
    assert len(texts(chrome, "#comparisons tbody")) == 1


def test_a_curve_is_chosen_drawn_on_a_log_scale_and_run_by_run(show: Show) -> None:
    chrome = show()
    to(chrome, "#curve-chart")
    lines = traces(chrome, "#curve-chart")
    assert len(lines) == 2 * 3 + 1  # two edges and a mean for each configuration, and the floor
    assert "7.25" in one(chrome, "#curve-words").text
    choose(chrome, "#curve", "loss/g")
    one(chrome, "#log").click()
    one(chrome, "#single").click()
    assert len(traces(chrome, "#curve-chart")) == 2 * (3 + 1)  # three runs and their mean
    axes = chrome.execute_script(
        "const l = document.querySelector('#curve-chart').layout.yaxis; return [l.type, l.title.text]"
    )
    assert axes == ["log", "loss/g"]
    one(chrome, "#chips button").click()
    assert len(traces(chrome, "#curve-chart")) == 3 + 1
    assert one(chrome, "#chips button").get_attribute("aria-pressed") == "false"


def test_smoothing_makes_a_curve_smoother(show: Show) -> None:
    chrome = show()
    to(chrome, "#curve-chart")

    def roughness() -> float:
        y = traces(chrome, "#curve-chart")[2]["y"]
        return sum(abs(a - 2 * b + c) for a, b, c in zip(y, y[1:], y[2:], strict=False))

    rough = roughness()
    one(chrome, "#smooth").send_keys(Keys.END)
    assert eventually(lambda: roughness() < rough / 3)


def test_a_chart_shows_its_values_under_the_mouse(show: Show) -> None:
    chrome = show()
    node = to(chrome, "#curve-chart")
    traces(chrome, "#curve-chart")
    ActionChains(chrome).move_to_element(node).perform()
    words = eventually(
        lambda: "".join(e.text for e in chrome.find_elements(By.CSS_SELECTOR, "#curve-chart .hoverlayer"))
    )
    assert re.search(r"\d\d\.\d+ loss=loss0 \(\d\d\.\d+ to \d\d\.\d+\)", words)


def test_every_metric_has_a_small_chart(show: Show) -> None:
    chrome = show()
    to(chrome, "#gallery summary").click()
    shown = eventually(lambda: chrome.find_elements(By.CSS_SELECTOR, "#gallery .small"))
    assert len(shown) == len(TAGS) - 1  # the floor is in the chart of its figure
    assert eventually(lambda: ink(shown[0]) > 50)
    chrome.find_elements(By.CSS_SELECTOR, "#gallery button")[3].click()
    assert one(chrome, "#curve").get_attribute("value") == TAGS[3]


def pictures(chrome: Chrome) -> list[str]:
    """The pictures that are shown, once there are any."""
    script = "return [...document.querySelectorAll('#grids img')].filter(i => i.naturalWidth).map(i => i.src)"
    found: list[str] = eventually(lambda: chrome.execute_script(script))
    return found


def test_the_slider_moves_all_pictures_by_mouse_and_by_key(show: Show) -> None:
    chrome = show()
    to(chrome, "#grids")
    eventually(lambda: len(pictures(chrome)) >= 3)
    last = pictures(chrome)
    assert one(chrome, "#step-words").text == "step 200"
    one(chrome, "#step").send_keys(Keys.ARROW_LEFT)
    assert one(chrome, "#step-words").text == "step 100"
    assert one(chrome, "#step").get_attribute("aria-valuetext") == "step 100"
    middle = eventually(lambda: len(pictures(chrome)) >= 3 and pictures(chrome))
    assert middle[0] == last[0], "real data stay"
    assert all(a != b for a, b in zip(middle[1:], last[1:], strict=False))
    one(chrome, "#play").click()
    assert eventually(lambda: one(chrome, "#play").text == "Play" and one(chrome, "#step-words").text == "step 200")


def test_runs_of_one_z_or_of_one_configuration_lie_side_by_side(show: Show) -> None:
    chrome = show()
    to(chrome, "#grids")
    assert texts(chrome, "#grids h3") == [f"The same z: seed {seed}, Normal" for seed in range(3)]
    runs = texts(chrome, "#grids figcaption b")
    assert runs == ["Real data", *["loss=loss0", "loss=loss1"] * 3]
    choose(chrome, "#arrange", "group")
    assert texts(chrome, "#grids h3") == ["loss=loss0", "loss=loss1"]
    one(chrome, "#grid-filter").send_keys("loss1")
    assert texts(chrome, "#grids h3") == ["loss=loss1"]


def test_a_click_enlarges_a_picture_without_blurring_it(show: Show) -> None:
    chrome = show()
    to(chrome, "#grids")
    pictures(chrome)
    one(chrome, "#grids figure:not(.real) .look").click()
    dialog = one(chrome, "#large")
    assert dialog.is_displayed() and "0_loss-0_seed-0, step 200" in dialog.text
    image = dialog.find_element(By.TAG_NAME, "img")
    before = image.get_attribute("src")
    assert image.size["width"] > 500 and image.value_of_css_property("image-rendering") == "pixelated"
    ActionChains(chrome).send_keys(Keys.ARROW_LEFT).perform()
    assert "step 100" in dialog.text and image.get_attribute("src") != before
    ActionChains(chrome).send_keys(Keys.ESCAPE).perform()
    assert eventually(lambda: not dialog.is_displayed())


def test_a_button_copies_the_command(show: Show) -> None:
    chrome = show()
    button = to(chrome, "#run-table .copy")
    button.click()
    assert eventually(lambda: button.text in ("Copied", "Marked"))


def brightness(chrome: Chrome) -> float:
    return sum(map(float, re.findall(r"[\d.]+", one(chrome, "body").value_of_css_property("background-color"))[:3])) / 3


def test_light_and_dark_follow_the_system_and_the_button(show: Show) -> None:
    chrome = show(dark=True)
    assert brightness(chrome) < 40
    to(chrome, "#curve-chart")
    traces(chrome, "#curve-chart")
    ink_of_chart = "return document.querySelector('#curve-chart').layout.font.color"
    pale = chrome.execute_script(ink_of_chart)
    one(chrome, "#theme").click()
    assert brightness(chrome) > 220 and chrome.execute_script(ink_of_chart) != pale
    assert brightness(show()) > 220


def test_a_phone_never_scrolls_sideways(show: Show) -> None:
    chrome = show(width=390)
    wide = "return [document.documentElement.scrollWidth, innerWidth]"
    for name in ("differences", "results", "curves", "samples", "alarms", "failed", "runs", "notes"):
        to(chrome, f"#{name}")
        assert chrome.execute_script(wide) == [390, 390], name
    cell = to(chrome, "#run-table tbody td:nth-child(7)")
    assert 300 < cell.rect["width"] <= 390, "a row is a card"
    label = "return getComputedStyle(arguments[0], '::before').content"
    assert chrome.execute_script(label, cell) == '"Images/s"'


def test_everything_is_reached_by_keyboard_and_has_a_name(show: Show) -> None:
    chrome = show()
    nameless = """
        return [...document.querySelectorAll('main button, main input, main select, nav button')].filter(e =>
          !e.textContent.trim() && !e.ariaLabel && !e.closest('label')?.textContent.trim()).map(e => e.outerHTML)"""
    assert chrome.execute_script(nameless) == []
    assert chrome.execute_script("return [...document.images].filter(i => !i.hasAttribute('alt')).length") == 0
    assert (
        chrome.execute_script("return [...document.querySelectorAll('[tabindex]')].filter(e => e.tabIndex > 0).length")
        == 0
    )


LINK = "<a href='http://example.org'>x</a>%{x}<b>"  # plotly would make a link of it


def test_what_strangers_wrote_does_nothing(show: Show, tmp_path: Path) -> None:
    report = fake(tmp_path, tags=("eval/a", f"{LINK}{EVIL}"))
    for run in report.runs:
        run.name, run.command, run.reason = f"{run.name}{EVIL}", EVIL, EVIL
    for group in report.groups:
        group.label = f"{LINK}{group.label}{EVIL}"
    report.title = EVIL
    chrome = show(written(tmp_path, report))
    assert chrome.title == EVIL  # text, as it stands
    for part in ("#intervals", "#curve-chart", "#grids"):
        to(chrome, part)
        eventually(lambda part=part: one(chrome, part).find_elements(By.CSS_SELECTOR, "svg, img"))
    choose_last = "const s = arguments[0]; s.selectedIndex = s.length - 1; s.dispatchEvent(new Event('change'))"
    chrome.execute_script(choose_last, one(chrome, "#curve"))
    ActionChains(chrome).move_to_element(to(chrome, "#curve-chart")).perform()
    hover = eventually(lambda: "".join(texts(chrome, "#curve-chart .hoverlayer text")))
    assert "<a href='http" in hover and "%{x}" in hover
    assert chrome.find_elements(By.CSS_SELECTOR, "img[src=x], a[href^=http], svg a") == []
    assert one(chrome, "#intervals .ytick").text.startswith(LINK)


def test_five_hundred_runs_stay_usable(show: Show, tmp_path: Path) -> None:
    tags = tuple(f"eval/m{i}" for i in range(6)) + tuple(f"loss/l{i}" for i in range(20))
    path = written(tmp_path, fake(tmp_path, groups=100, seeds=5, steps=2, tags=tags))
    assert path.stat().st_size < 40e6
    chrome = show(path)
    to(chrome, "#run-table input").send_keys("seed-3")
    assert one(chrome, "#run-table output").text == "100 of 500 rows"
    to(chrome, "#curve-chart")
    assert len(traces(chrome, "#curve-chart")) == 8 * 3, "of so many configurations the best eight"
    to(chrome, "[data-show=all]").click()
    assert eventually(lambda: len(traces(chrome, "#curve-chart")) == 300)
    to(chrome, "#step")
    shown = len(pictures(chrome))
    assert 0 < shown < 60, "pictures are drawn where they are seen"
    one(chrome, "#step").send_keys(Keys.HOME)
    assert one(chrome, "#step-words").text == "step 0"
