"""`--help`, `--version`, `--cfg job` and Tab answer at once: nothing heavy is loaded, and they know every choice."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from gan_cli import __version__
from gan_cli.cli import sources
from gan_cli.paths import CONF_DIR

HEAVY = ("torch", "torchvision", "sklearn", "scipy", "matplotlib", "tensorboard", "numpy", "PIL", "safetensors", "rich")
COMMAND = Path(sysconfig.get_path("scripts")) / "gan-train"
CHOICES: dict[str, set[str]] = {}
for path in CONF_DIR.rglob("*/*.yaml"):
    group = path.parent.relative_to(CONF_DIR).as_posix()
    if not group.startswith("hydra/"):
        CHOICES.setdefault(group, set()).add(path.stem)


@pytest.fixture
def gan_train(tmp_path):
    """Runs `gan-train` where every heavy package fails at import; gives what it prints.

    Its standard error names all that it tried to import, since a failed import might be caught.
    """
    poison = tmp_path / "poison"
    poison.mkdir()
    for name in HEAVY:
        (poison / f"{name}.py").write_text(f"raise AssertionError('{name} was imported')\n")

    def run(*words: str, **variables: str) -> str:
        command = [sys.executable, "-X", "importtime", COMMAND, *words]
        environment = os.environ | {"PYTHONPATH": str(poison)} | variables
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, "\n".join(line for line in done.stderr.splitlines() if "import time" not in line)
        imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time")}
        assert "gan_cli.cli.overrides" in imported  # by gan_cli.cli.train, which entry.py imports by its name
        assert imported.isdisjoint(HEAVY)
        assert len(imported) < 500  # measured: 326; torch alone brings 1,191
        return done.stdout

    return run


def test_help_lists_every_choice_and_shows_commands_to_copy(gan_train):
    text = gan_train("--help")
    listed = dict(line.split(": ", 1) for line in text.splitlines() if line.split(": ")[0] in CHOICES)
    assert {group: set(names.split(", ")) for group, names in listed.items()} == CHOICES
    examples = text.split("Examples:\n")[1].split("\n\n")[0].splitlines()
    assert len(examples) >= 3 and all(line.startswith("  gan-train ") for line in examples)


def test_version(gan_train):
    assert gan_train("--version") == f"gan-cli {__version__}\n"


def test_the_config_is_shown_without_building_anything(gan_train):
    assert "_target_: gan_cli.losses.Hinge" in gan_train("--cfg", "job", "loss=hinge")


@pytest.mark.parametrize("words", ["loss=hinge --cfg job", "-c job loss=hinge", "loss=hinge --info"])
def test_flags_and_overrides_stand_in_any_order(gan_train, words):
    assert "hinge" in gan_train(*words.split()).lower()


def test_the_resolved_config_is_shown(gan_train):
    shown = gan_train("loss=hinge", "optimizer.lr=0.5", "--cfg", "job", "--resolve")
    assert "_target_: gan_cli.losses.Hinge" in shown
    assert "lr: ${" not in shown


def test_a_reader_that_leaves_early_is_no_mistake():
    done = subprocess.run(
        f"{COMMAND} --help; echo $? >&2", shell=True, capture_output=True, text=True, executable="/bin/sh"
    )
    assert done.stderr == "0\n"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([COMMAND, "--help"], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_tab_completes_the_choices_of_a_folder(gan_train):
    completed = gan_train("-sc", "query=bash", COMP_LINE="gan-train experiment/dirac=r").split()
    assert completed == ["experiment/dirac=r1", "experiment/dirac=r1r2", "experiment/dirac=relativistic"]


def test_a_choice_of_a_folder_is_taken_as_it_is_listed(gan_train):
    shown = [gan_train(word, "--cfg", "job") for word in ("experiment/dirac=wgan_gp", "experiment=dirac/wgan_gp")]
    assert shown[0] == shown[1]
    assert "_target_: gan_cli.models.dirac.Generator" in shown[0]


def test_tab_completes_the_choices_of_a_group(gan_train):
    completed = gan_train("-sc", "query=bash", COMP_LINE="gan-train loss=").split()
    assert completed == sorted(f"loss={name}" for name in CHOICES["loss"])
    assert len(completed) == 7


def test_composing_leaves_hydras_own_configs_as_they_were():
    sources.install()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        before = compose("train", ["seed=1"], return_hydra_config=True)
        other = compose("train", ["seed=1", "++hydra.job.chdir=true", "+hydra.x=1"], return_hydra_config=True)
        after = compose("train", ["seed=1"], return_hydra_config=True)
    assert other.hydra.job.chdir and other.hydra.x
    assert OmegaConf.to_container(before) == OmegaConf.to_container(after)
