"""A TensorBoard server and a headless browser, for the slow tests that look at what a user sees."""

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from queue import Empty, Queue
from typing import TypeVar

import numpy as np
import pytest
from PIL import Image
from selenium.common.exceptions import JavascriptException, StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webelement import WebElement

T = TypeVar("T")

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
)


@contextmanager
def tensorboard(log_dir: Path, seconds: float = 60) -> Iterator[str]:
    """Serve a directory of runs on a free port; yields the address of the page."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(log_dir), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert server.stdout is not None
    lines: Queue[str] = Queue()
    # A thread keeps reading after the address: a full pipe would stop the server.
    reader = threading.Thread(target=lambda out: [lines.put(line) for line in out], args=(server.stdout,))
    reader.start()
    try:
        yield _address(lines, seconds)
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        reader.join()
        server.stdout.close()


def _address(lines: "Queue[str]", seconds: float) -> str:
    said = []
    try:
        while True:
            said.append(lines.get(timeout=seconds))
            if found := re.search(r"TensorBoard \S+ at (http://\S+)", said[-1]):
                return found[1]
    except Empty:
        raise TimeoutError(f"TensorBoard gave no address in {seconds} s; it said: {''.join(said)!r}") from None


@contextmanager
def browser(profile: Path) -> Iterator[Chrome]:
    """A headless Chromium with its profile in an own, empty directory; skips the test where there is none."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("needs chromium and chromedriver on the path")
    options = ChromeOptions()
    options.binary_location = chromium
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=Service(driver))  # a named driver: selenium downloads none
    try:
        chrome.set_page_load_timeout(60)
        yield chrome
    finally:
        chrome.quit()


# TensorBoard's older dashboards live in shadow roots, which a plain query does not enter.
_EVERYWHERE = """
const [selector] = arguments, found = [];
const walk = root => {
  for (const element of root.querySelectorAll('*')) {
    if (element.matches(selector)) found.push(element);
    if (element.shadowRoot) walk(element.shadowRoot);
  }
};
walk(document);
return found;
"""


def everywhere(chrome: Chrome, selector: str) -> list[WebElement]:
    """The elements that match a CSS selector, inside shadow roots too."""
    found: list[WebElement] = chrome.execute_script(_EVERYWHERE, selector)
    return found


# A cell of an HParams table is a slot of the grid's shadow root; what it shows is assigned from outside.
_HEADINGS = """
return [...arguments[0].shadowRoot.querySelectorAll('thead tr:not([hidden]) th slot')]
  .flatMap(slot => slot.assignedNodes()).map(cell => cell.textContent.trim());
"""
_ROWS = """
return [...arguments[0].shadowRoot.querySelectorAll('#items tr:not([hidden])')].map(
  row => [...row.querySelectorAll('td slot')].flatMap(slot => slot.assignedNodes())
    .map(cell => cell.textContent.trim()));
"""


def headings(chrome: Chrome, grid: WebElement) -> list[str]:
    """The columns of an HParams table."""
    found: list[str] = chrome.execute_script(_HEADINGS, grid)
    return found


def cells(chrome: Chrome, grid: WebElement) -> list[list[str]]:
    """The rows of an HParams table; it keeps spare, empty ones, and these are left out."""
    found: list[list[str]] = chrome.execute_script(_ROWS, grid)
    return [row for row in found if row and row[0]]


def ink(element: WebElement) -> int:
    """How many pixels of an element on the screen are coloured: a chart without a curve is grey and has none."""
    picture = np.asarray(Image.open(BytesIO(element.screenshot_as_png)).convert("RGB")).astype(int)
    spread = picture.max(axis=2) - picture.min(axis=2)
    return int((spread > 25).sum())  # the dullest colour of a run is a slate blue, 36 apart


def eventually(look: Callable[[], T], seconds: float = 60) -> T:
    """What `look` returns once it is true; a page that is still building itself counts as not yet."""
    end = time.monotonic() + seconds
    while True:
        with suppress(StaleElementReferenceException, JavascriptException):
            if seen := look():
                return seen
        assert time.monotonic() < end, f"not seen in {seconds} s"
        time.sleep(0.5)
