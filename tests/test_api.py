"""`from gan_cli import compose, build, train` runs what the command runs, to the same bits, in anybody's process."""

import json
import math
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT, TINY, once
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from gan_cli import build, compose, draw, train
from gan_cli.errors import ConfigError, RunError, Stopped
from gan_cli.figure import Figure
from gan_cli.trackers import About

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
LINE = (*TINY, "train.log_every=1", "train.checkpoint_every=4", "train.sample_every=3", "device=cpu")


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def content(run: Path) -> dict[str, bytes]:
    """The files of a run that two equal ones share; a checkpoint also says in its name what is in it."""
    same = ("config.yaml", "metrics.jsonl", "generator/raw.safetensors", "samples/step-000000006.png")
    return {name: (run / name).read_bytes() for name in same}


def test_it_trains_what_the_command_trains_to_the_same_files(tmp_path):
    command = [sys.executable, "-m", "gan_cli.cli.train", *LINE, "hydra.run.dir=a"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    run = train(build(compose(*LINE)), tmp_path / "b")
    assert f"final state sha256: {run.digest()}" in done.stdout
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert sorted(path.name for path in (tmp_path / "b").iterdir() if "tfevents" not in path.name) == sorted(
        path.name for path in (tmp_path / "a").iterdir() if "tfevents" not in path.name
    )
    about = json.loads((tmp_path / "b" / "run.json").read_text())
    assert about["command"] == ["gan-train", *LINE]
    assert json.loads((tmp_path / "b" / "status.json").read_text())["status"] == "finished"


def test_what_was_built_and_drawn_in_between_changes_no_bit(tmp_path):
    line = (*LINE, "loss=wgan_gp")  # its penalty draws from torch's global generator
    first, other = build(compose(*line)), build(compose(*line, "seed=1"))
    first.z(5)
    torch.rand(3)
    train(other, tmp_path / "other")
    train(first, tmp_path / "first")
    assert train(build(compose(*line)), tmp_path / "again").digest() == first.digest() != other.digest()


def test_after_ctrl_c_the_run_is_saved_and_goes_on(tmp_path):
    class Interrupting:
        waits = True

        def begin(self, about: About) -> None: ...

        def scalars(self, step, values) -> None:
            if step == 3 and "loss/g" in values:
                os.kill(os.getpid(), signal.SIGINT)

        def picture(self, step, tag, png) -> None: ...

        def end(self, success) -> None: ...

    run = build(compose(*LINE))
    run.trackers = {"key": Interrupting()}
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match=r"stopped after step 3; go on with") as stop:
        train(run, tmp_path / "run")
    assert isinstance(stop.value, Stopped) and signal.getsignal(signal.SIGINT) is before
    assert (run.step, run.committed) == (3, 3)
    run.trackers = {}
    assert train(run).step == 6
    assert run.digest() == train(build(compose(*LINE)), tmp_path / "whole").digest()
    assert content(tmp_path / "run") == content(tmp_path / "whole")


def test_handlers_of_somebody_else_stay_theirs(tmp_path):
    seen = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, lambda *_: seen.append("theirs"))

    class Looking:
        waits = True

        def begin(self, about: About) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            assert signal.getsignal(signal.SIGTERM) is before[signal.SIGTERM]

        def scalars(self, step, values) -> None: ...

        def picture(self, step, tag, png) -> None: ...

        def end(self, success) -> None: ...

    try:
        run = build(compose(*once(*LINE, "train.steps=1")))
        run.trackers = {"key": Looking()}
        train(run, tmp_path / "run")
    finally:
        signal.signal(signal.SIGINT, before[signal.SIGINT])
    assert seen == ["theirs"]


def test_a_run_of_yesterday_goes_on_longer(tmp_path):
    train(build(compose(*once(*LINE, "train.steps=4"))), tmp_path / "run")
    run = train(build(compose(f"resume={tmp_path / 'run'}", "train.steps=6")))
    assert run.history["step"] == [1, 2, 3, 4, 5, 6]
    assert run.digest() == train(build(compose(*LINE)), tmp_path / "whole").digest()
    with pytest.raises(RunError, match=r"is finished at step 6 of 6; ask for more with train\.steps="):
        train(run)


def test_history_has_a_value_for_each_step_or_none(tmp_path):
    run = train(build(compose(*LINE)), tmp_path / "run")
    history = run.history
    assert history["step"] == [1, 2, 3, 4, 5, 6] and {len(column) for column in history.values()} == {6}
    assert [math.isnan(value) for value in history["samples/distance"]] == [True, True, False, True, True, False]


@pytest.mark.parametrize(("words", "told"), [
    (("los=hinge", "train.step=3"), r"(?s)2 problems.*did you mean 'loss'\?.*did you mean 'steps'\?"),
    (("loss=hing",), r"loss: there is no choice 'hing'; did you mean 'hinge'\?"),
    (("loss=hinge,wgan_gp",), "has several values"),
    (("seed=1", "seed=2"), "is given twice"),
    (("dataset=folder",), r"dataset\.path"),
    (("logger=wandbb",), "did you mean 'wandb'"),
])  # fmt: skip
def test_mistakes_are_told_as_the_command_tells_them(words, told):
    with pytest.raises(ConfigError, match=told):
        compose(*words)


def test_choices_of_ones_own(tmp_path):
    (tmp_path / "loss").mkdir()
    (tmp_path / "loss" / "mine.yaml").write_text("_target_: gan_cli.losses.Hinge\n")
    config = compose("loss=mine", config_dir=tmp_path)
    assert config["loss"] == {"_target_": "gan_cli.losses.Hinge"}
    assert config.about["command"] == ["gan-train", "loss=mine", "--config-dir", str(tmp_path)]
    with pytest.raises(ConfigError, match="'mine'"):
        compose("loss=mine")


def test_a_config_is_a_dict_that_may_be_changed(tmp_path):
    config = compose(*LINE)
    config["train"]["steps"] = 2
    assert train(build(config), tmp_path / "run").step == 2
    config["train"]["stesp"] = 2
    with pytest.raises(ConfigError, match=r"train\.stesp"):
        build(config)


def test_whoever_else_uses_hydra_finds_it_as_it_was(tmp_path):
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        theirs = GlobalHydra.instance().hydra
        compose("loss=hinge")
        assert GlobalHydra.instance().hydra is theirs
    compose("loss=hinge")
    assert not GlobalHydra.instance().is_initialized()


def test_a_run_trains_in_one_place_and_in_this_process(tmp_path):
    run = train(build(compose(*once(*LINE, "train.steps=1"))), tmp_path / "run")
    with pytest.raises(ConfigError, match=r"build\(\) another one"):
        train(run, tmp_path / "other")
    run = build(compose(*once(*LINE, "train.devices=2")))
    with pytest.raises(ConfigError, match=r"^train\.devices: .*gan-train"):
        train(run, tmp_path / "two")
    assert not (tmp_path / "two").exists()


def test_samples_are_those_of_their_seed_and_leave_the_run_as_it_is(tmp_path):
    run = train(build(compose(*once(*LINE, "train.steps=1"))), tmp_path / "run")
    digest = run.digest()
    a, b = draw(run, 5, seed=1), draw(run, 5, seed=2)
    assert a.shape == (5, 1) and torch.equal(a, draw(run, 5, seed=1)) and not torch.equal(a, b)
    z = torch.zeros(3, 2)
    assert torch.equal(draw(run, z=z), draw(run, z=z)) and len(draw(run, z=z)) == 3
    assert run.digest() == digest


def test_the_package_itself_is_light():
    code = "import gan_cli, sys; print([m for m in ('torch', 'hydra', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        __import__("gan_cli").nonsense  # noqa: B018


# The figure, and the notebook of the docs


class Shown:
    """What IPython is asked to display."""

    def __init__(self) -> None:
        self.first, self.later = [], []

    def display(self, image, display_id):
        self.first.append(image)
        return SimpleNamespace(update=self.later.append)

    def Image(self, data, format):
        return data


def test_a_figure_is_drawn_in_place_at_a_bounded_rate_and_at_the_end(tmp_path, monkeypatch):
    shown, clock = Shown(), [0.0]
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(display=shown))
    monkeypatch.setattr("gan_cli.figure.time", SimpleNamespace(monotonic=lambda: clock[0]))
    figure = Figure(100)
    monkeypatch.setattr(figure, "png", lambda: b"png")
    figure.begin(About(tmp_path, {}))
    for step in range(1, 101):
        clock[0] = step / 10  # ten rows a second for ten seconds
        figure.scalars(step, {"loss/d": 1.0, "loss/g": 2.0})
    assert len(shown.first) == 1 and len(shown.later) == 9
    figure.end(True)
    assert len(shown.later) == 10


def test_a_figure_shows_both_losses_and_the_newest_samples(tmp_path):
    import io

    import numpy as np
    from PIL import Image

    from gan_cli.grid import png_bytes

    figure = Figure(100)
    figure.begin(About(tmp_path, {}))
    blank = np.asarray(Image.open(io.BytesIO(figure.png())).convert("RGB"))
    figure._points = {"loss/d": [(1, 0.5), (50, 1.0)], "loss/g": [(1, 1.0), (50, 0.0)]}
    figure.picture(50, "samples", png_bytes(np.full((8, 8, 3), (200, 10, 30), np.uint8)))
    drawn = np.asarray(Image.open(io.BytesIO(figure.png())).convert("RGB"))
    assert drawn.shape == blank.shape == (400, 1000, 3)
    is_sample = (drawn == (200, 10, 30)).all(-1)
    assert is_sample.sum() > 50_000 and not is_sample[:, :600].any(), "the samples, on the right"
    coloured = np.ptp(drawn[:, :600].astype(int), axis=-1) > 60
    assert coloured.sum() > 500 and not (np.ptp(blank.astype(int), axis=-1) > 60).any(), "two curves"


def lines(*replaced: tuple[str, str]) -> list[str]:
    """The code of the notebook, cell by cell, some words replaced."""
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    for before, after in replaced:
        assert any(before in text for text in code)
        code = [text.replace(before, after) for text in code]
    return code


SHORT = (("base_channels=16", "base_channels=2"), ("steps=1500", "steps=4"), ("steps=1600", "steps=6"))


def test_the_lines_of_the_notebook_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "notebook.py"
    script.write_text("\n".join(lines(*SHORT, ("log_every=20", "log_every=2"))))
    found = runpy.run_path(str(script))
    assert found["run"].step == 6 and found["run"].history["step"] == [2, 4, 6]


def test_the_notebook_of_the_docs_holds_what_it_showed():
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] and cell["execution_count"] for cell in cells)
    assert sum(len(text.splitlines()) for text in lines()) < 25
    assert NOTEBOOK.stat().st_size < 1 << 20


@pytest.mark.slow
def test_the_notebook_runs_in_jupyter_with_a_live_figure(tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    book = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    short = (SHORT[0], ("steps=1500", "steps=150"), ("steps=1600", "steps=200"))
    for cell, text in zip(code, lines(*short), strict=True):
        cell.source, cell.outputs = text, []
    client = nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    kinds, process = [], client.process_message

    def watched(message, *arguments):
        kinds.append(message["msg_type"])
        return process(message, *arguments)

    monkeypatch.setattr(client, "process_message", watched)
    client.execute()
    figures = [output for output in code[0].outputs if "image/png" in output.get("data", {})]
    assert len(figures) == 1 and "update_display_data" in kinds, "one figure, drawn anew in place"
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)
