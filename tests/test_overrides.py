"""The command line as Hydra gets it."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from gan_cli.cli.overrides import job_dir, prepare, quoted, split_arguments, unfold


@pytest.mark.parametrize("flag", ["--cfg", "-c", "--config-name", "-cn", "--config-dir", "--info", "--pack"])
def test_the_value_of_a_flag_is_no_override(flag):
    assert split_arguments(["loss=hinge", flag, "job", "seed=1"]) == ([flag, "job"], ["loss=hinge", "seed=1"])


def test_a_flag_without_a_value_takes_none():
    flags = ["--cfg", "job", "--resolve", "-m", "--config-dir=mine"]
    assert split_arguments([*flags, "seed=1"]) == (flags, ["seed=1"])


@pytest.mark.parametrize(
    "name", ["0_loss=minimax", "my (old) run", "a,b", "it's", "with space", "007", "true", "[x]", "a{b}", "end\\"]
)
@pytest.mark.parametrize("key", ["resume", "dataset.path", "dataset.root"])
def test_the_name_of_something_that_exists_is_that_name(tmp_path, monkeypatch, key, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    (text, *_) = prepare([f"{key}={name}"], ["loss"])
    override = OverridesParser.create().parse_override(text)
    assert override.key_or_group == key
    assert not override.is_sweep_override()
    assert override.value() == name


@pytest.mark.parametrize("override", ["resume=no=where", "resume='it is'", "resume=plain", "seed=a=b", "resume=null"])
def test_nothing_else_is_quoted(tmp_path, monkeypatch, override):
    monkeypatch.chdir(tmp_path)
    for name in ("'it is'", "plain", "a=b", "null"):
        (tmp_path / name).mkdir()
    assert quoted(override) == override


def test_a_job_directory_can_be_typed_behind_resume():
    name = job_dir(0, ["loss=minimax", "model.width=[8,16]", "dataset.path=a b/ü=(c)"], {"loss", "model.width"})
    assert name == "0_loss-minimax_model.width-8_16"
    name = job_dir(1, ["dataset.path=a b/ü=(c)"], {"dataset.path"})
    assert name == "1_dataset.path-a-b-c"
    assert OverridesParser.create().parse_override(f"resume=outputs/{name}").value() == f"outputs/{name}"


@pytest.mark.parametrize(
    "override",
    [
        *("experiment=dirac/r1", "dataset.path=a/b", "dataset/b", "hydra/launcher=joblib", "+experiment/dirac=r1"),
        *("experiment/dirac@x=r1", "other/dirac=r1"),
    ],
)
def test_nothing_but_a_choice_of_a_folder_is_unfolded(override):
    assert unfold(override, {"experiment", "dataset", "hydra"}) == override
