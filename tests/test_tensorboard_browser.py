"""What a user sees in TensorBoard after two runs: charts with curves, pictures, one row a run.

GAN_SCREENSHOTS=shots pytest -m slow tests/test_tensorboard_browser.py    # keeps what the browser saw
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("selenium", reason="needs selenium")

from browser import browser, cells, eventually, everywhere, headings, ink, tensorboard
from selenium.webdriver import Chrome
from selenium.webdriver.remote.webelement import WebElement

pytestmark = pytest.mark.slow

RUNS = {"digits": ["dataset=digits"], "ring": ["dataset=ring", "model=mlp"]}

Show = Callable[[str], Chrome]
Keep = Callable[[Chrome], None]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with one short run of each kind, as `gan-train` leaves it."""
    home = tmp_path_factory.mktemp("home")
    for name, choices in RUNS.items():
        settings = ["train.steps=60", "train.log_every=10", "train.sample_every=20", *choices]
        run_dir = f"hydra.run.dir={home}/outputs/{name}/run"
        command = [sys.executable, "-m", "gan_cli.cli.train", *settings, run_dir]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
    return home / "outputs"


@pytest.fixture(scope="module")
def show(outputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    """Opens a tab of TensorBoard on the two runs."""
    with tensorboard(outputs) as address, browser(tmp_path_factory.mktemp("profile")) as chrome:

        def open_tab(tab: str) -> Chrome:
            chrome.get("about:blank")  # a change of the fragment alone would not load the page anew
            chrome.get(f"{address}#{tab}")
            return chrome

        yield open_tab


@pytest.fixture
def keep(request: pytest.FixtureRequest, tmp_path: Path) -> Keep:
    """Keeps a screenshot under the test's name."""
    directory = Path(os.environ.get("GAN_SCREENSHOTS", tmp_path))
    directory.mkdir(parents=True, exist_ok=True)

    def screenshot(chrome: Chrome) -> None:
        chrome.save_screenshot(str(directory / f"{request.node.name}.png"))

    return screenshot


def drawn(chrome: Chrome, selector: str) -> list[WebElement]:
    """The charts on the page, once each of them has shown a curve: one after the other, since a chart is drawn when it
    comes into sight.
    """

    def listed() -> list[WebElement]:
        return [chart for chart in everywhere(chrome, selector) if chart.is_displayed() and chart.size["height"]]

    seen: list[WebElement] = []
    while new := [chart for chart in eventually(listed) if chart not in seen]:
        for chart in new:
            chrome.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
            eventually(lambda chart=chart: ink(chart) > 50)
        seen += new
    return seen


def assert_healthy(chrome: Chrome) -> None:
    page = chrome.execute_script("return document.body.innerText")
    assert "No dashboards are active" not in page
    assert not everywhere(chrome, "mat-snack-bar-container, .error-content")
    severe = [entry["message"] for entry in chrome.get_log("browser") if entry["level"] == "SEVERE"]
    assert severe == []


@pytest.mark.parametrize(
    ("tab", "chart"),
    [("timeseries", "line-chart"), ("scalars", "vz-line-chart2")],
)
def test_the_losses_are_drawn_as_curves(tab: str, chart: str, show: Show, keep: Keep) -> None:
    chrome = show(tab)
    assert len(drawn(chrome, chart)) >= 2
    keep(chrome)
    assert_healthy(chrome)


def test_the_list_of_runs_names_each_run_once(show: Show, keep: Keep) -> None:
    """TensorBoard follows links: one to a run, below the directory it reads, shows up as another run."""
    chrome = show("timeseries")
    listed = eventually(lambda: everywhere(chrome, "runs-data-table tb-data-table-content-row"))
    keep(chrome)
    assert sorted(row.text for row in listed) == [f"{name}/run" for name in sorted(RUNS)]


def test_custom_scalars_put_both_players_into_one_chart(show: Show, keep: Keep) -> None:
    chrome = show("custom_scalars")
    charts = drawn(chrome, "vz-line-chart2")
    keep(chrome)
    assert len(charts) >= 15, "both players, theory, samples"
    assert_healthy(chrome)


def test_every_run_shows_its_samples_as_pictures(show: Show, keep: Keep) -> None:
    chrome = show("images")
    pictures = eventually(
        lambda: [
            picture
            for picture in everywhere(chrome, "img")
            if chrome.execute_script("return arguments[0].complete && arguments[0].naturalWidth", picture)
        ]
    )
    keep(chrome)
    assert len(pictures) >= len(RUNS)  # the last grid of each
    assert_healthy(chrome)


def test_hparams_has_one_row_a_run_with_settings_and_metrics(show: Show, keep: Keep) -> None:
    chrome = show("hparams")
    found = eventually(lambda: [row for grid in everywhere(chrome, "vaadin-grid") for row in cells(chrome, grid)])
    keep(chrome)
    # By path: the directories of the two runs have the same name, and a row of both would show their average.
    assert sorted(row[0] for row in found) == [f"{name}/run" for name in sorted(RUNS)]
    [shown] = [headings(chrome, grid) for grid in everywhere(chrome, "vaadin-grid")]
    assert "dataset" in shown
    assert any("/" in heading for heading in shown)  # a metric: only the first few have a column at once
    assert_healthy(chrome)
