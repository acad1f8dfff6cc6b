"""The wheel: all of the package and of conf/, nothing else; and gan-train works from it, far from a checkout."""

import json
import os
import subprocess
import sys
import textwrap
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def python(*arguments: str | Path, cwd: Path, **variables: str) -> str:
    """What this Python prints, run in a directory; a failure shows what went wrong."""
    command, environment = [sys.executable, *arguments], os.environ | variables
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this checkout, built without a network."""
    directory = tmp_path_factory.mktemp("wheel")
    python("-m", "hatchling", "build", "-t", "wheel", "-d", directory, cwd=ROOT)
    (path,) = directory.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A directory that holds what the wheel installs, and nothing else (pip unpacks a pure wheel, no more)."""
    directory = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(wheel).extractall(directory)
    return directory


@pytest.fixture
def gan_train(installed, tmp_path):
    """Runs the installed `gan-train` in an empty directory; the copy is found before the checkout."""
    return lambda *words: python("-m", "gan_cli.cli.train", *words, cwd=tmp_path, PYTHONPATH=str(installed))


def files(directory: Path, pattern: str) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob(pattern)}


def test_it_holds_the_package_and_every_choice_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    configs = {f"gan_cli/conf/{name}" for name in files(ROOT / "conf", "*.yaml")}
    modules = {f"gan_cli/{name}" for name in files(ROOT / "gan_cli", "*.py")}
    page = {f"gan_cli/report/page.{ending}" for ending in ("css", "js")}
    about = {name for name in names if ".dist-info/" in name}
    assert names - about == configs | modules | {"gan_cli/py.typed", "gan_cli/suite/reached.json", *page}
    assert {name.split("/", 1)[1] for name in about} >= {"METADATA", "entry_points.txt", "licenses/LICENSE"}


def test_a_source_distribution_builds_the_same_wheel(wheel, tmp_path):
    python("-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path, cwd=ROOT)
    (archive,) = tmp_path.glob("*.tar.gz")
    python("-m", "tarfile", "-e", archive, tmp_path, cwd=tmp_path)
    unpacked = tmp_path / archive.name.removesuffix(".tar.gz")
    python("-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=unpacked)
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_every_command_it_brings_can_be_called(installed, tmp_path):
    code = """
        from gan_cli.paths import CONF_DIR
        from importlib.metadata import distribution
        scripts = distribution("gan-cli").entry_points.select(group="console_scripts")
        print(CONF_DIR, *sorted(script.name for script in scripts if callable(script.load())))
    """
    conf, *commands = python("-c", textwrap.dedent(code), cwd=tmp_path, PYTHONPATH=str(installed)).split()
    assert Path(conf) == installed / "gan_cli" / "conf"
    assert commands == sorted(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"])


def test_it_explains_itself_from_its_own_conf(gan_train):
    assert "loss: hinge, " in gan_train("--help")
    assert "_target_: gan_cli.losses.Hinge" in gan_train("--cfg", "job", "loss=hinge")


def test_it_trains_and_the_run_directory_is_complete(gan_train, tmp_path):
    gan_train("model=mlp", "model.width=8", "dataset=gaussian", "prior.dim=2", "train.steps=2")
    (found,) = tmp_path.glob("outputs/*/*/status.json")
    run, status = found.parent, json.loads(found.read_text())
    assert (status["status"], status["step"], status["steps"]) == ("finished", 2, 2)
    expected = ("config.yaml", "run.json", "metrics.jsonl", "timing.jsonl", "events.out.tfevents.*")
    expected += ("checkpoints/step-000000002-*.safetensors", "samples/step-000000002.png", "generator/generator.json")
    expected += ("generator/ema.safetensors", "generator/raw.safetensors")
    assert [pattern for pattern in expected if not list(run.glob(pattern))] == []
    assert not list(run.rglob("*.tmp*"))
