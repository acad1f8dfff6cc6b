"""The page of gan-report: whole in one file, deaf to what strangers named their runs, never larger than it may be."""

import base64
import hashlib
import io
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from report.fakes import STEPS, fake, picture, value

from gan_cli.grid import png_bytes, save_png, tile
from gan_cli.report import charts, grids
from gan_cli.report.page import html
from gan_cli.report.verdict import findings

EVIL = "\x1b[31m</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&‮%{x}"
# What a browser would fetch, wherever it stands
FETCHES = ("src", "srcset", "href", "action", "data", "poster", "background", "formaction", "xlink:href")


class Page(HTMLParser):
    """The elements of a page, its scripts and its text."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.words: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] == "script" and self.cdata_elem == "script":
            attributes, known = self.scripts[-1]
            self.scripts[-1] = attributes, known + data
        elif self.cdata_elem is None:
            self.words.append(data)

    def data(self, name: str) -> object:
        [content] = [text for attributes, text in self.scripts if attributes.get("id") == name]
        return json.loads(content)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return fake(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def page(report):
    return Page(html(report))


def test_the_page_asks_nobody_for_anything(page):
    asked = [
        (tag, a[name]) for tag, a in page.elements for name in FETCHES if name in a and not a[name].startswith("#")
    ]
    assert asked == []
    assert not {tag for tag, _ in page.elements} & {"link", "iframe", "object", "embed", "base"}


def test_the_policy_names_every_script_and_allows_no_other(page):
    [policy] = [a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    run = [text for attributes, text in page.scripts if "type" not in attributes]
    digests = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in run]
    assert len(run) == 3 and rules["script-src"].split() == digests
    assert rules["default-src"] == "'none'"
    assert set(rules) <= {"default-src", "script-src", "style-src", "img-src", "base-uri", "form-action"}
    assert not re.search(r"https?:|\*", policy)


def test_no_element_has_a_handler_of_its_own(page):
    assert [tag for tag, a in page.elements if any(name.startswith("on") for name in a)] == []


def test_plotly_is_in_the_file_once(report):
    assert html(report).count("plotly.js v") == 1


@pytest.mark.parametrize("name", ["differences", "results", "curves", "samples", "alarms", "failed", "runs", "notes"])
def test_the_page_has_a_section_and_a_way_to_it(page, name):
    assert [tag for tag, a in page.elements if a.get("id") == name] == ["section"]
    assert [tag for tag, a in page.elements if a.get("href") == f"#{name}"] == ["a"]


def test_a_section_without_content_is_left_out(tmp_path):
    page = Page(html(fake(tmp_path, steps=0, failed=(), real=None)))
    names = {a.get("id") for _, a in page.elements}
    assert "runs" in names and not {"failed", "samples"} & names
    assert not [a for _, a in page.elements if a.get("href") in ("#failed", "#samples")]


def test_the_first_words_are_the_answer(page):
    words = " ".join("".join(page.words).split())
    answer = words.index("loss=loss1 with 30.7 ± 2.5 is the best, by more than seed noise")
    assert answer < words.index("What differs")


def test_every_run_has_its_command_and_a_button_to_copy_it(page, report):
    words = "".join(page.words)
    assert all(run.command in words for run in report.runs)
    assert sum(a.get("class") == "copy" for _, a in page.elements) == 6 + 1 + 1  # the failed one's again, and our own


@pytest.mark.parametrize("many", [False, True])
def test_a_failed_run_has_its_reason_and_the_way_on(tmp_path, many):
    report = fake(tmp_path, groups=5, steps=0)
    report.failed = report.runs if many else report.runs[1:2]
    for run in report.failed:
        run.reason, run.resume_command = f"{run.name} ran out of memory", f"gan-train resume=runs/{run.name}"
    section = html(report).split('<section id="failed"')[1].split("</section>")[0]
    assert all(section.count(text) >= 1 for run in report.failed for text in (run.reason, run.resume_command))
    assert ("<table>" in section) == many


def test_numbers_are_sorted_as_numbers(page):
    values = [a["data-value"] for tag, a in page.elements if tag == "td" and "data-value" in a]
    assert {"0.001", "0.002", "300", "7.0", "2005.0"} <= set(values)
    assert all(math.isfinite(float(value)) for value in values)


def test_what_strangers_wrote_stays_text(tmp_path):
    report = fake(tmp_path)
    for run in report.runs:
        run.name, run.reason, run.command, run.z, run.status = f"{run.name}{EVIL}", EVIL, EVIL, EVIL, "failed"
        run.alarms[0:] = [type(alarm)(EVIL, 3, EVIL) for alarm in run.alarms]
        run.curves = {f"{tag}{EVIL}": curve for tag, curve in run.curves.items()}
    report.failed = report.runs
    for group in report.groups:
        group.label += EVIL
        group.differing = {EVIL: EVIL}
    for row in (*report.metrics, *report.summaries, *report.comparisons, *report.bands):
        name = "tag" if hasattr(row, "tag") else "metric"
        setattr(row, name, getattr(row, name) + EVIL)
    report.title = report.command = report.created = report.same_z = EVIL
    report.differing, report.notes, report.method = [EVIL], [EVIL], [EVIL]
    content = html(report)
    page = Page(content)
    assert not [tag for tag, a in page.elements if "onerror" in a]
    assert len([a for a, _ in page.scripts if "type" not in a]) == 3
    assert page.data("report-data")["runs"][0]["name"].endswith(EVIL.replace("\x1b", "\\x1b").replace("‮", "\\u202e"))
    own = content.replace(page.scripts[-2][1], "")  # without plotly's own bytes
    assert "\x1b" not in own and "‮" not in own
    assert "alert(1)</script>" not in own


def test_the_curves_are_those_of_the_report(page, report):
    data = page.data("report-data")
    tags = [metric["tag"] for metric in data["metrics"]]
    assert tags == ["eval/cfd", "eval/precision", "loss/d", "loss/g"]  # a floor is in the chart of its figure
    curves = page.data("curves-0")
    assert curves["floor"] == 7.25
    assert [band[0] for band in curves["bands"]] == [0, 1]
    _, steps, mean, low, high, n = curves["bands"][1]
    assert steps == list(STEPS) and n == 3
    seeds = [value("eval/cfd", 1, seed, 300) for seed in range(3)]
    assert (low[-1], high[-1]) == pytest.approx((min(seeds), max(seeds)), rel=1e-3)
    assert mean[-1] == pytest.approx(sum(seeds) / 3, rel=1e-3)
    assert [run[0] for run in curves["runs"]] == [*range(6)]


def test_what_is_not_finite_is_a_gap(tmp_path):
    report = fake(tmp_path)
    report.bands[0].mean[3] = math.nan
    report.runs[0].curves["eval/cfd"][4] = (40, math.inf)
    page = Page(html(report))
    curves = page.data("curves-0")
    assert curves["bands"][0][2][3] is None and curves["runs"][0][2][4] is None


def test_long_curves_keep_their_ends_and_their_spikes():
    values = [math.sin(k / 50) for k in range(100_000)]
    values[54_321], values[77_777] = 99.0, -99.0
    kept = charts.thin(values, 400)
    assert len(kept) <= 400 and kept == sorted(set(kept))
    assert {0, 54_321, 77_777, 99_999} <= set(kept)


def test_equal_configurations_are_no_difference(tmp_path):
    report = fake(tmp_path, groups=1, same=True, differing=())
    assert findings(report)[0].startswith("No difference: all 3 runs have the same configuration.")
    words = "".join(Page(html(report)).words)
    assert words.count("No difference") == 2  # at the top, and where the differences would be


def test_one_run_alone_has_a_page(tmp_path):
    words = "".join(Page(html(fake(tmp_path, groups=1, seeds=1, same=True, differing=()))).words)
    assert "One run: there is nothing to compare it with." in words


def test_no_run_has_a_page(tmp_path):
    empty = fake(tmp_path, groups=0, failed=(), summaries=(), comparisons=(), metrics=(), real=None)
    assert "0 runs" not in html(empty).split("<main>")[1]


# Pictures


def pixels(encoded: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB"))


def test_every_run_has_its_pictures(page, report):
    data = page.data("report-data")
    assert data["steps"] == [0, 100, 200]
    assert data["drawn"] == {str(place): [0, 100, 200] for place in range(6)}
    assert set(data["real"]) == {"-1"}
    first, last = (pixels(page.data(f"grids-{place}")["200"]) for place in (0, 5))
    assert not np.array_equal(first, last)


def test_a_grid_of_small_images_is_kept_exactly_at_its_own_size():
    images = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    small = pixels(grids.encode(png_bytes(tile(images)), 0))
    assert np.array_equal(small, tile(images, padding=1, scale=1))


def test_grey_images_of_a_grid_keep_their_place():
    """What is not a number is drawn grey, as the padding is."""
    images = torch.rand(16, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    images[4:8] = math.nan  # a whole row
    assert np.array_equal(pixels(grids.encode(png_bytes(tile(images)), 0)), tile(images, padding=1, scale=1))


def test_a_picture_that_is_no_grid_stays_as_it_is():
    plot = np.random.default_rng(0).integers(0, 255, (50, 60, 3), dtype=np.uint8)
    assert np.array_equal(pixels(grids.encode(png_bytes(plot), 0)), plot)
    grey = np.full((20, 20, 3), 127, np.uint8)
    assert np.array_equal(pixels(grids.encode(png_bytes(grey), 0)), grey)


def test_pictures_never_take_more_than_their_budget(tmp_path):
    report = fake(tmp_path, seeds=2, steps=9)
    whole = sum(len(p) for run in grids.pictures(report).runs.values() for p in run.values())
    for share in (2, 4, 8):
        found = grids.pictures(report, whole // share)
        size = sum(len(p) for run in found.runs.values() for p in run.values()) + sum(map(len, found.real.values()))
        assert whole // share // 4 < size <= whole // share
        assert len(found.runs) == 4, "every run is seen"
        assert found.steps[-1] == 800 and found.note


def test_pictures_keep_to_the_budget_where_the_last_ones_are_the_smallest(tmp_path):
    """The last ones are what is looked at first, to know how many there is room for."""
    report = fake(tmp_path, seeds=2, steps=6)
    for run in report.runs:
        save_png(run.grids[-1][1], np.zeros((100, 100, 3), np.uint8))
    found = grids.pictures(report, 20_000)
    assert sum(len(p) for run in found.runs.values() for p in run.values()) <= 20_000
    assert all(500 in steps for steps in found.runs.values())
    assert "some left out for want of room" in found.note


def test_so_many_pictures_and_no_more(tmp_path):
    found = grids.pictures(fake(tmp_path, steps=9), count=18)
    assert found.steps == [0, 400, 800]
    assert found.note == "pictures of 3 of 9 steps"


def test_a_picture_that_cannot_be_read_is_told_of(tmp_path):
    report = fake(tmp_path)
    Path(report.runs[0].grids[0][1]).write_bytes(b"\x89PNG no more")
    Path(report.runs[1].grids[0][1]).unlink()
    Path(report.runs[2].grids[0][1]).unlink()
    Path(report.runs[2].grids[0][1]).symlink_to(report.runs[0].grids[1][1])
    huge = png_bytes(np.zeros((1, 5000, 3), np.uint8))
    Path(report.runs[3].grids[0][1]).write_bytes(huge)
    found = grids.pictures(report)
    assert found.note == "4 could not be read"
    assert [len(found.runs[place]) for place in range(6)] == [2, 2, 2, 2, 3, 3]


def test_real_data_of_each_run_are_encoded_once(tmp_path, monkeypatch):
    report = fake(tmp_path, steps=1, real=None)
    for place, run in enumerate(report.runs):
        run.real = picture(tmp_path / f"real{place}.png", 5000 + place % 2)
    calls = []
    encode = grids.encode
    monkeypatch.setattr(grids, "encode", lambda content, level: calls.append(1) or encode(content, level))
    found = grids.pictures(report)
    assert found.real[0] == found.real[2] != found.real[1]
    assert len(calls) == 6 + 6 + 2  # probes of the size, grids, real data
