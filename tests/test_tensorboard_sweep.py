"""What a user sees in TensorBoard of a sweep: one run a job, named by what differs, and a table without holes.

GAN_SCREENSHOTS=shots pytest -m slow tests/test_tensorboard_sweep.py    # keeps what the browser saw
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("selenium", reason="needs selenium")

from browser import browser, cells, eventually, everywhere, headings, tensorboard
from selenium.webdriver import Chrome

pytestmark = pytest.mark.slow

# Two keys are swept, one of them to nothing and to something; a rate of 1e20 ends in infinity at once.
LINE = ["dataset=ring", "model=mlp", "model.width=16", "train.steps=60", "train.log_every=10", "train.sample_every=30"]
SWEPT = ["optimizer.lr=5e-4,1e20", "train.clip_grad_norm=null,0.01"]
JOBS = {
    "0_optimizer.lr-0.0005_train.clip_grad_norm-null": "STATUS_SUCCESS",
    "1_optimizer.lr-0.0005_train.clip_grad_norm-0.01": "STATUS_SUCCESS",
    "2_optimizer.lr-1e20_train.clip_grad_norm-null": "STATUS_FAILURE",
    "3_optimizer.lr-1e20_train.clip_grad_norm-0.01": "STATUS_FAILURE",
}

Show = Callable[[str], Chrome]
Keep = Callable[[Chrome], None]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a sweep, as `gan-train -m` leaves it."""
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, "-m", "gan_cli.cli.train", "-m", *LINE, *SWEPT]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=600)
    assert done.returncode == 1, done.stdout + done.stderr
    [place] = (home / "outputs" / "sweeps").iterdir()
    assert {path.name for path in place.iterdir() if path.is_dir()} == JOBS.keys()
    return place


@pytest.fixture(scope="module", params=["the sweep", "all outputs"])
def logdir(request: pytest.FixtureRequest, sweep: Path) -> tuple[Path, str]:
    """What TensorBoard reads, and what stands before the name of each job there."""
    return (sweep, "") if request.param == "the sweep" else (sweep.parent.parent, f"sweeps/{sweep.name}/")


@pytest.fixture(scope="module")
def address(logdir: tuple[Path, str]) -> Iterator[str]:
    with tensorboard(logdir[0]) as address:
        yield address


@pytest.fixture
def show(address: str, tmp_path: Path) -> Iterator[Show]:
    """Opens a tab of TensorBoard."""
    with browser(tmp_path / "profile") as chrome:

        def open_tab(tab: str) -> Chrome:
            chrome.get(f"{address}#{tab}")
            return chrome

        yield open_tab


@pytest.fixture
def keep(request: pytest.FixtureRequest, tmp_path: Path) -> Keep:
    """Keeps a screenshot under the test's name."""
    directory = Path(os.environ.get("GAN_SCREENSHOTS", tmp_path))
    directory.mkdir(parents=True, exist_ok=True)
    return lambda chrome: chrome.save_screenshot(str(directory / f"{request.node.name}.png".replace(" ", "-")))


def groups(address: str) -> list[Any]:
    """The rows of the HParams table as the server tells them."""
    statuses = [f"STATUS_{name}" for name in ("UNKNOWN", "SUCCESS", "FAILURE", "RUNNING")]
    asked = {"allowedStatuses": statuses, "colParams": [], "startIndex": 0, "sliceSize": 100}
    url, kind = f"{address}data/plugin/hparams/session_groups", {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(asked).encode(), kind), timeout=60) as answer:
        found: list[Any] = json.load(answer)["sessionGroups"]
    return found


def statuses(address: str) -> dict[str, str]:
    return {row["sessions"][0]["name"]: row["sessions"][0]["status"] for row in groups(address)}


# Of the pane beside the table: a choice in a list, or a box, by its words.
CLICK = """
const [pane, kind, words] = arguments;
[...pane.shadowRoot.querySelectorAll(kind)].find(one => one.textContent.trim() == words).click();
"""


def test_every_job_has_all_columns_and_the_status_it_ended_with(address: str, logdir: tuple[Path, str]) -> None:
    eventually(lambda: len(groups(address)) == len(JOBS))
    assert statuses(address) == {logdir[1] + name: status for name, status in JOBS.items()}
    rows = groups(address)
    columns = {row["sessions"][0]["name"]: row["hparams"] for row in rows}
    assert len({tuple(sorted(hparams)) for hparams in columns.values()}) == 1, "a hole in the table"
    first = columns[logdir[1] + "0_optimizer.lr-0.0005_train.clip_grad_norm-null"]
    assert {"dataset": "ring", "optimizer.lr": 5e-4, "train.clip_grad_norm": "null", "seed": 0}.items() <= first.items()


def logged(logdir: tuple[Path, str], job: str) -> list[str]:
    return (logdir[0] / logdir[1] / job / "metrics.jsonl").read_text().splitlines()


def test_a_job_that_is_on_has_no_end_and_gets_it_while_one_looks_on(sweep: Path, tmp_path: Path) -> None:
    """TensorBoard believes the first end that it reads: one that said "running" would never change again."""
    job = shutil.copytree(sweep / next(iter(JOBS)), tmp_path / "sweep" / "job")
    [end] = job.glob("*.end")
    end.rename(tmp_path / end.name)
    with tensorboard(tmp_path / "sweep") as address:
        eventually(lambda: statuses(address) == {"job": "STATUS_UNKNOWN"})
        (tmp_path / end.name).rename(end)
        eventually(lambda: statuses(address) == {"job": "STATUS_SUCCESS"})


def test_the_list_of_runs_is_the_jobs_by_what_differs(show: Show, keep: Keep, logdir: tuple[Path, str]) -> None:
    chrome = show("timeseries")
    listed = eventually(lambda: everywhere(chrome, "runs-data-table tb-data-table-content-row"))
    keep(chrome)
    assert sorted(row.text.split("\n")[0] for row in listed) == [logdir[1] + name for name in sorted(JOBS)]


def test_the_table_has_a_row_a_job_and_sorts_by_a_figure(show: Show, keep: Keep, logdir: tuple[Path, str]) -> None:
    chrome = show("hparams")
    [grid] = eventually(lambda: [grid for grid in everywhere(chrome, "vaadin-grid") if cells(chrome, grid)])
    eventually(lambda: len(cells(chrome, grid)) == len(JOBS))
    assert sorted(row[0] for row in cells(chrome, grid)) == [logdir[1] + name for name in sorted(JOBS)]
    assert headings(chrome, grid)[2:4] == ["optimizer.lr", "train.clip_grad_norm"], "what differs comes first"
    [pane] = everywhere(chrome, "tf-hparams-query-pane")

    def names() -> list[str]:
        return [row[0].removeprefix(logdir[1]) for row in cells(chrome, grid)]

    figures = {name: json.loads(lines[-1])["loss/g"] for name in JOBS if (lines := logged(logdir, name))}
    ranked = sorted(figures, key=lambda name: figures[name])
    assert len(ranked) == 2, "the others diverged before their first row"
    chrome.execute_script(CLICK, pane, "paper-checkbox", "loss/g")
    chrome.execute_script(CLICK, pane, "paper-item", "loss/g")
    for direction, order in (("Ascending", ranked), ("Descending", ranked[::-1])):
        chrome.execute_script(CLICK, pane, "paper-item", direction)
        eventually(lambda order=order: names()[:2] == order)
    assert "loss/g" in headings(chrome, grid)
    keep(chrome)
    chrome.execute_script(CLICK, pane, "paper-checkbox", "Success")
    eventually(lambda: names() == [name for name, status in JOBS.items() if status == "STATUS_FAILURE"])
    severe = [entry["message"] for entry in chrome.get_log("browser") if entry["level"] == "SEVERE"]
    assert severe == []
