"""gan-runs RUN: all about one run, out of its files alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cli.planted import CHOICES, FIGURES, put
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from gan_cli.cli.runs import main
from gan_cli.paths import CONF_DIR

ALARM = {
    "name": "mode_collapse",
    "step": 1200,
    "saw": "the samples are far more alike than real data",
    "evidence": "samples/distance 0.1",
    "cause": "G gives one answer to many z",
    "overrides": ["loss=relativistic", "model.pack=2"],
}
FIGURE = {"metric": "cfd", "value": 12.5, "std": None, "floor": 3.0, "better": "lower"}


@pytest.fixture(scope="module")
def config():
    """That of a hinge loss on the digits, half as long as usual and without a setting of today."""
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        choices = [f"{group}={name}" for group, name in CHOICES.items() if name]
        found = OmegaConf.to_container(compose("train", choices), resolve=True)
    found["train"]["steps"] = 2500
    del found["train"]["keep"]
    return yaml.safe_dump(found)


@pytest.fixture
def run(tmp_path, config):
    rows = [FIGURES | {"step": step, "loss/g": g} for step, g in ((10, 3.0), (20, 1.0), (30, "nan"), (40, 2.0))]
    rows[1]["eval/cfd"], rows[3]["eval/cfd"] = 9.0, 20.0
    directory = put(tmp_path / "a", status="failed", reason="loss/g is nan\nat step 41", metrics=rows, alarms=[ALARM],
                    config=config, host="a-machine")  # fmt: skip
    about = json.loads((directory / "run.json").read_text())
    about |= {"command": ["gan-train", "loss=hinge", "dataset.path=a b"], "sweep": "outputs/sweeps/s", "git": None}
    about |= {"resumed": [{"command": ["gan-train", "resume=a"], "step": 20}]}
    about |= {"versions": {"python": "3.11.7", "platform": "Linux-6", "torch": "2.15.0"}}
    (directory / "run.json").write_text(json.dumps(about))
    (directory / "checkpoints").mkdir()
    for step in (0, 40):
        (directory / "checkpoints" / f"step-{step:09}-{step:016x}.safetensors").write_bytes(b"x" * (1000 + step))
    (directory / "evaluations.jsonl").write_text(
        json.dumps({"step": 20, "weights": "ema", "figures": [FIGURE | {"value": 9.0}]}) + "\n"
    )
    (directory / "evaluation").mkdir()
    record = {"step": 40, "weights": "raw", "figures": [FIGURE | {"std": 0.25}]}
    (directory / "evaluation" / "step-000000040-raw-0.json").write_text(json.dumps(record))
    (directory / "notes.txt").symlink_to("/etc/hostname")
    return directory


@pytest.fixture
def page(run, capsys):
    """The lines of each heading."""
    main([str(run)])
    found: dict[str, list[str]] = {}
    for line in capsys.readouterr().out.splitlines():
        if line[:13].strip():
            found[name := line[:13].strip()] = []
        found[name].append(line[13:])
    return found


def test_the_page_says_how_it_went(page, run):
    assert page["run"] == [str(run)]
    assert page["status"] == ["failed · 1,000/2,000 · 1:15"]
    assert page["reason"] == ["loss/g is nan", "at step 41"]
    assert page["began"] == ["2026-05-04T03:00:00+0200"]
    assert page["command"] == ["gan-train loss=hinge 'dataset.path=a b'"]
    assert page["went on"] == ["at step 20 with: gan-train resume=a"]
    assert page["sweep"] == ["outputs/sweeps/s"]
    assert page["made with"] == ["python 3.11.7, torch 2.15.0", "Linux-6 · a-machine"]
    assert page["go on with"] == [f"gan-train resume={run}"]


def test_what_differs_from_the_defaults_is_what_somebody_chose(page):
    assert page["choices"] == ["loss=hinge  (usually nonsaturating)", "penalty=none  (usually r1)"]
    assert page["settings"] == ["train.keep=not set  (usually 2)", "train.steps=2500  (usually 5000)"]


def test_every_figure_has_its_best_and_when(page):
    rows = {line.split()[0]: line.split()[1:] for line in page["figures"][1:]}
    assert page["figures"][0].split() == ["last", "lowest", "at", "step", "highest", "at", "step", "better"]
    assert rows["loss/g"] == ["2", "1", "20", "3", "10"]
    assert rows["eval/cfd"] == ["20", "9", "20", "20", "40", "lower"]


def test_alarms_come_with_their_advice(page):
    assert page["alarms"] == [
        "mode_collapse at step 1,200: the samples are far more alike than real data",
        "  evidence  samples/distance 0.1",
        "  likely    G gives one answer to many z",
        "  try       loss=relativistic  or  model.pack=2",
    ]


def test_evaluations_and_checkpoints_are_told(page):
    assert page["evaluations"] == [
        "step 20, weights ema, of evaluations.jsonl",
        "  cfd          9  (real data score 3; lower)",
        "step 40, weights raw, of evaluation/step-000000040-raw-0.json",
        "  cfd          12.5 ± 0.25  (real data score 3; lower)",
    ]
    assert page["checkpoints"] == ["step 40: 1.0 kB", "step 0: 1.0 kB"]


def test_the_sizes_are_those_of_the_files_and_not_of_what_links_lead_to(page, run):
    files = [path for path in run.rglob("*") if not path.is_dir() or path.is_symlink()]
    total = sum(path.lstat().st_size for path in files)
    assert page["on disk"][0].startswith(f"{total / 1000:.1f} kB in {len(files)} files: ")
    assert ", checkpoints 2.0 kB" in page["on disk"][0]


def test_json_is_the_same_unrounded(run, capsys):
    main([str(run), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["differs"]["train.steps"] == {"value": 2500, "default": 5000}
    assert found["figures"]["eval/cfd"]["lowest"] == {"value": 9.0, "step": 20}
    assert found["alarms"] == [ALARM]
    assert [one["step"] for one in found["checkpoints"]] == [40, 0]
    assert found["resume"] == f"gan-train resume={run}"


def test_behind_the_directory_that_shows_the_newest_run_is_the_run(run, capsys):
    latest = run.parent / "latest"
    latest.mkdir()
    for path in run.iterdir():
        (latest / path.name).symlink_to(f"../a/{path.name}")
    main([str(latest)])
    lines = capsys.readouterr().out.splitlines()
    assert [line[13:] for line in lines[:2]] == [str(latest), str(run)]
    assert lines[-1] == f"go on with   gan-train resume={run}"


def test_a_finished_run_goes_on_with_more_steps_and_a_running_one_not_at_all(tmp_path, capsys):
    main([str(put(tmp_path / "a"))])
    assert capsys.readouterr().out.splitlines()[-1].endswith(f"gan-train resume={tmp_path / 'a'} train.steps=4000")
    main([str(put(tmp_path / "b", status="running"))])
    assert "go on with" not in capsys.readouterr().out


@pytest.mark.parametrize("file", ["run.json", "status.json", "metrics.jsonl", "config.yaml", "evaluations.jsonl"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]", b"\0\xff", b'{"step": "x"}\n'])
def test_of_a_damaged_run_the_rest_is_told(run, capsys, monkeypatch, file, content):
    if file != "config.yaml":  # to compose the defaults takes most of the time
        monkeypatch.setattr("gan_cli.cli.runs_detail.differences", lambda *_: ([], []))
    (run / file).unlink()
    if content is not None:
        (run / file).write_bytes(content)
    for words in ([str(run)], [str(run), "--json"]):
        main(words)
        out = capsys.readouterr().out
        assert "step-000000040" in out or "step 40: 1.0 kB" in out


def test_a_choice_of_a_stranger_names_no_file_elsewhere(run, capsys, tmp_path):
    """Hydra would read `loss=../../x` wherever that leads."""
    (tmp_path / "secret.yaml").write_text("secret: the-secret")
    about = json.loads((run / "run.json").read_text())
    up = "../" * len(CONF_DIR.parts) + str(tmp_path / "secret").lstrip("/")
    about["choices"] |= {"loss": up, "nosuch": "x", "model": "${oc.env:HOME}", "dataset": "digits,ring"}
    (run / "run.json").write_text(json.dumps(about))
    main([str(run)])
    out = capsys.readouterr().out
    assert f"loss={up}" in out and "the-secret" not in out


@pytest.mark.parametrize("folder", ["checkpoints", "evaluation"])
def test_a_folder_that_is_a_link_is_not_followed(run, capsys, tmp_path, folder):
    (run / folder).rename(tmp_path / "elsewhere")
    (run / folder).symlink_to(tmp_path / "elsewhere")
    main([str(run), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert len(found["checkpoints"]) == (0 if folder == "checkpoints" else 2)
    assert len(found["evaluations"]) == (1 if folder == "evaluation" else 2)


def test_what_a_terminal_would_obey_is_shown_escaped(run, capsys):
    hostile = "\x1b[2J[bold]\u202e"
    about = json.loads((run / "run.json").read_text())
    about |= {"command": [hostile], "sweep": hostile, "versions": {hostile: hostile}, "choices": {hostile: hostile}}
    (run / "run.json").write_text(json.dumps(about))
    status = json.loads((run / "status.json").read_text())
    status |= {"reason": hostile, "alarms": [{"name": hostile, "step": 1}]}
    (run / "status.json").write_text(json.dumps(status))
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 50, hostile: 1.0}) + "\n")
    main([str(run)])
    out = capsys.readouterr().out
    assert all(character.isprintable() for character in out.replace("\n", ""))
    assert out.count("[bold]") >= 6


def test_a_page_needs_no_torch(run):
    code = f"import sys; from gan_cli.cli.runs import main; main([{str(run)!r}]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.home())
    assert done.stdout.splitlines()[-1] == "False"
