"""A config that came with a run names classes of ours and nothing else."""

import sys

import pytest

from gan_cli.errors import ConfigError
from gan_cli.losses import Hinge
from gan_cli.targets import is_trusted, locate, refuse_foreign


@pytest.mark.parametrize("name", ["gan_cli.losses.Hinge", "torch.optim.Adam", "gan_cli.models.dcgan.Generator"])
def test_our_classes_are_trusted(name):
    assert is_trusted(name)


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "subprocess.run",
        "gan_clix.losses.Hinge",
        "gan_cli.record.subprocess.run",  # a way through one of our modules
        "gan_cli.targets.importlib.import_module",
        "gan_cli.losses.torch.nn.Linear",
        "torch.optim.lr_scheduler.warnings.warn",
        "torch.hub.load",
        "gan_cli.targets.locate",  # ours, and not a class
    ],
)
def test_whatever_leads_outside_is_not(name):
    assert not is_trusted(name)


def test_foreign_names_are_refused_before_anything_of_them_is_imported(tmp_path, monkeypatch):
    (tmp_path / "canary.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    config = {"loss": {"_target_": "gan_cli.losses.Hinge"}, "x": [{"y": {"_target_": "canary.Loss"}}]}
    with pytest.raises(ConfigError, match=r"some\.yaml names code outside .*'canary\.Loss'.*\n.*say so"):
        refuse_foreign(config, "some.yaml", "say so")
    assert "canary" not in sys.modules


def test_a_name_is_found_or_the_missing_part_is_named(tmp_path, monkeypatch):
    assert locate("gan_cli.losses.Hinge") is Hinge
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "halfway.py").write_text("import nothing_of_this_name")
    (tmp_path / "broken.py").write_text("1 / 0")
    for name, message in {
        "gan_cli.losses.Nope": "there is no 'gan_cli.losses.Nope'",
        "halfway.Loss": "'halfway.Loss' cannot be imported: No module named 'nothing_of_this_name'",
        "broken.Loss": "cannot be imported: ZeroDivisionError",
        "../x": "is not a dotted name",
    }.items():
        with pytest.raises(ConfigError, match=message):
            locate(name)
