"""The README is true: its loss of one's own runs as it stands there, its commands compose, its files exist."""

import functools
import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, TINY, choices, compose_plain, ended_with
from hydra.core.override_parser.overrides_parser import OverridesParser

from gan_cli.check import check
from gan_cli.cli.overrides import key_of, split_arguments

README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def own_loss() -> tuple[dict[str, str], list[str]]:
    """The files and the command of the section, by name."""
    section = README.split("## Your own loss")[1].split("\n## ")[0]
    block = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    ") or not line.strip())
    parts = re.split(r"^# (\S+\.(?:py|yaml))$", block, flags=re.MULTILINE)[1:]
    files = dict(zip(parts[::2], parts[1::2], strict=True))
    last = [*files][-1]
    files[last], line = files[last].rsplit("gan-train ", 1)
    return files, shlex.split(line)


@pytest.fixture
def in_my_folder(tmp_path, monkeypatch):
    """A folder with the README's two files; runs gan-train there and returns its exit code."""
    monkeypatch.chdir(tmp_path)
    for name, text in own_loss()[0].items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)

    return functools.partial(ended_with, monkeypatch)


def test_the_loss_of_ones_own_is_two_files_and_about_ten_lines():
    files, _ = own_loss()
    assert [Path(name).suffix for name in files] == [".py", ".yaml"]
    assert sum(bool(line.strip()) for text in files.values() for line in text.splitlines()) <= 12


def test_the_loss_of_ones_own_runs_as_it_stands(in_my_folder, capsys):
    assert in_my_folder(*own_loss()[1], *TINY) == 0
    assert capsys.readouterr().err == ""
    stored = yaml.safe_load(Path("outputs/latest/config.yaml").read_text())
    assert stored["loss"] == {"_target_": "my_loss.Margin", "margin": 3}
    assert in_my_folder("resume=outputs/latest", "train.steps=8") == 2
    error = capsys.readouterr().err
    assert "'my_loss.Margin'" in error
    assert "add trust=true" in error
    assert in_my_folder("resume=outputs/latest", "train.steps=8", "trust=true") == 0


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_gan_train_command_composes(document):
    commands = re.findall(r"^ {4,}gan-train(?: +(.*?))?(?: {2,}#.*)?$", document.read_text(), re.MULTILINE)
    for line in commands:
        words = shlex.split(line or "", comments=True)
        if "--config-dir" in words or "..." in words:
            continue
        _, overrides = split_arguments(words)
        several = "-m" in words or any(word.startswith("sweep=") for word in words)
        for job in jobs(overrides) if several else [overrides]:
            plain, written = compose_plain(*job)
            problems = check(plain, written, [key_of(override) for override in job])
            assert problems == [], f"gan-train {line}"


def jobs(overrides: list[str]) -> Iterator[list[str]]:
    """The overrides of every job of a sweep."""
    parsed = OverridesParser.create().parse_overrides(overrides)
    each = [
        [f"{o.get_key_element()}={value}" for value in o.sweep_string_iterator()]
        if o.is_sweep_override() and o.is_discrete_sweep()
        else [f"{o.get_key_element()}={o.value().start}"]  # of an interval
        if o.is_sweep_override()
        else [str(o.input_line)]
        for o in parsed
    ]
    return map(list, itertools.product(*each))


def test_the_table_of_choices_is_complete():
    for group in ("dataset", "model", "loss", "penalty", "prior", "optimizer", "experiment"):
        (row,) = re.findall(rf"^\| `{group}` \|(.*)\|$", README, re.MULTILINE)
        assert set(re.findall(r"`([\w/]+)`", row)) >= set(choices(group)), group


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_and_picture_exists(document):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_what_the_readme_says_to_install_is_there():
    for name in ("constraints.txt", "pyproject.toml", "LICENSE"):
        assert (ROOT / name).is_file()
    assert "-c constraints.txt -e ." in README
    assert "uv run gan-train" in README
    assert "uv run pytest" in README
