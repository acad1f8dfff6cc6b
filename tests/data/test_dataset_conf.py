"""Every conf/dataset/*.yaml names a constructor and spells out each of its defaults."""

import inspect
from pathlib import Path

import pytest
from hydra.utils import get_class
from omegaconf import OmegaConf

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "conf" / "dataset").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_config_gives_every_argument_with_its_default(path):
    config = OmegaConf.load(path)
    given = {key: OmegaConf.to_container(config)[key] for key in config if key != "_target_"}
    parameters = inspect.signature(get_class(config._target_)).parameters
    empty = inspect.Parameter.empty
    defaults = {name: "???" if p.default is empty else p.default for name, p in parameters.items()}
    defaults = {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}
    assert given == defaults
    assert list(given) == list(defaults)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_config_opens_with_its_purpose_and_one_command(path):
    purpose, command, *_ = path.read_text().splitlines()
    assert purpose.startswith("# ") and purpose.endswith(".")
    assert command.startswith(f"# gan-train dataset={path.stem}")


def test_there_is_one_for_each_data_set():
    names = {"digits", "mnist", "fashion_mnist", "cifar10", "folder", "array", "ring", "grid", "spiral", "gaussian"}
    assert {path.stem for path in FILES} >= names
