"""Descriptions and configs of strangers: they describe, and do nothing else."""

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from hostile.world import NASTY, World, edit_config, edit_json, thinned

TARGETS = (
    *("os.system", "gan_cli.record.subprocess.run", "builtins.eval", "torch.hub.load", "torch.load", "pickle.loads"),
    *("functools.partial", "gan_cli.cli.train.main", "gan_cli.files.write_text", "gan_cli.targets.locate"),
    *("gan_cli.targets.importlib.import_module", "gan_cli.logbook.Logbook", "gan_cli.record.Status", "sang.Sang"),
    *("torch.optim.Adam", "torch.nn.Linear", "__main__.x", "os.system; gan_cli", "..", "", NASTY),
)


def arguments(outside: Path) -> dict[str, str]:
    """Whatever the named thing takes, it would leave a trace."""
    command = f"touch {outside / 'sang'}"
    return {"command": command, "path": str(outside / "sang"), "directory": str(outside), "text": "x", "args": command}


def prepare(world: World) -> None:
    """Code beside the run, and logs outside that one of our own classes would empty."""
    (world.here / "sang.py").write_text(f"open({str(world.outside / 'sang')!r}, 'w')\nclass Sang: pass\n")
    (world.outside / "metrics.jsonl").write_text('{"step": 1}\n')


@pytest.mark.parametrize("target", thinned(TARGETS, 3), ids=[target.replace(NASTY, "nasty") for target in TARGETS])
def test_a_generator_names_no_foreign_code(world: World, target):
    prepare(world)
    path = world.run / "generator" / "generator.json"
    before = path.read_text()
    node = {"_target_": target, "arguments": arguments(world.outside)}
    for role in ("generator", "prior") if TARGETS.index(target) % 2 else ("inside",):
        changes = {role: node} if role != "inside" else {}
        edit_json(path, lambda about, changes=changes: about.update(changes))
        if role == "inside":
            edit_json(path, lambda about: about["generator"]["arguments"].update({"width": [node]}))
        assert world.call("gan-sample").code in (2, 5)
        path.write_text(before)


def spoil(**changes):
    """A change of the generator's arguments."""
    return lambda about, _: about["generator"]["arguments"].update(changes)


DEEP: list[object] = []
for _ in range(15):
    DEEP = [DEEP, DEEP]

DESCRIPTIONS = {
    "65,536 layers": spoil(depth=1 << 16, width=1),
    "a layer of 16 GB": spoil(width=1 << 16),
    "more layers than there are numbers": spoil(depth=1 << 62),
    "a width of 1e300": spoil(width=1e300),
    "a width below zero": spoil(width=-1),
    "a width of words": spoil(width="8"),
    "a shape of ten": lambda about, _: about.update(shape=[2] * 10),
    "a shape of 4 TB": lambda about, _: [spoil(shape=[1, 1 << 16, 1 << 14])(about, _), about.update(shape=[1, 1, 1])],
    "a shape of a million": spoil(shape=[1] * 100_000),
    "a shape of words": lambda about, _: about.update(shape=["one"]),
    "no shape": lambda about, _: about.pop("shape"),
    "lists in lists": spoil(shape=DEEP),
    "an unknown argument": spoil(**{NASTY: 1}),
    "noise of 4 GB": lambda about, _: about["prior"]["arguments"].update(dim=1 << 30),
    "noise of another size": lambda about, _: about["prior"]["arguments"].update(dim=3),
    "noise of no size": lambda about, _: about["prior"]["arguments"].update(dim=0),
    "a prior that is none": lambda about, _: about.update(prior=[]),
    "a million labels": lambda about, _: about.update(labels={str(i): i for i in range(60_000)}),
    "labels of a generator without": lambda about, _: about.update(labels={NASTY: 0}),
    "classes without labels": spoil(classes=10),
    "nothing": lambda about, _: about.clear(),
}


@pytest.mark.parametrize("name", thinned(DESCRIPTIONS, 3))
def test_a_description_that_no_weights_belong_to_is_refused(world: World, name):
    edit_json(world.run / "generator" / "generator.json", lambda about: DESCRIPTIONS[name](about, world.outside))
    assert world.call("gan-sample").code == 5


TEXTS = {
    "nothing": "",
    "a list": "[]",
    "half of it": '{"generator": {',
    "nested deeply": '{"a":' * 100_000,
    "a number of a million digits": '{"step": ' + "9" * 1_000_000 + "}",
    "NaN": '{"step": NaN}',
    "infinity": '{"step": 1e999}',
    "half a character": '{"step": "\\ud800"}',
    "zeros": "\0" * 1000,
    "what a terminal obeys": NASTY,
    "ten megabytes": '{"a": "' + "x" * 10_000_000 + '"}',
}


@pytest.mark.parametrize("name", thinned(TEXTS, 3))
@pytest.mark.parametrize("file", ["generator/generator.json", "run.json", "status.json"])
def test_text_that_is_no_description_ends_nothing_but_itself(world: World, file, name):
    (world.run / file).write_text(TEXTS[name])
    commands = ("gan-sample",) if file.startswith("generator") else ("gan-runs",)
    for command in commands:
        assert world.call(command).code == (5 if command == "gan-sample" else 0)


ALIASES = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))

CONFIGS = {
    **TEXTS,
    "an alias bomb": ALIASES,
    "a python tag": "seed: !!python/object/apply:os.system ['touch sang']",
    "a python name": "seed: !!python/name:os.system",
    "a mapping that holds itself": "a: &a {b: *a}",
    "flow nested deeply": "a: " + "[" * 50_000,
    "a key twice": "seed: 1\nseed: 2\n",
    "tabs": "seed:\n\t1",
    "a date": "seed: 2026-01-01",
}


@pytest.mark.parametrize("name", thinned(CONFIGS, 3))
def test_text_that_is_no_config_is_refused(world: World, name):
    (world.run / "config.yaml").write_text(CONFIGS[name])
    assert world.call("gan-probe").code == 5


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_nor_is_a_run_resumed_with_it(world: World, name):
    (world.run / "config.yaml").write_text(CONFIGS[name])
    assert world.call("gan-train").code == 5


GROUPS = ("dataset", "model.generator", "model.discriminator", "prior", "loss", "optimizer.generator", "train")


def put(config, key, value) -> None:
    """Set a value by its dotted key."""
    *path, last = key.split(".")
    for part in path:
        config = config[part]
    config[last] = value


@pytest.mark.parametrize("i", thinned(range(len(TARGETS)), 4))
def test_a_config_names_no_foreign_code(world: World, i):
    prepare(world)
    group, node = GROUPS[i % len(GROUPS)], {"_target_": TARGETS[i]} | arguments(world.outside)
    before = (world.run / "config.yaml").read_text()
    for key in (group, f"{group}.inside"):
        edit_config(world.run, lambda config, key=key: put(config, key, node))
        outcome = world.call("gan-probe")
        assert outcome.code == 2, key
        assert "config.yaml" in outcome.err.replace("\n  ", ""), outcome.err
        (world.run / "config.yaml").write_text(before)


VALUES = {
    "the environment": ("seed", "${oc.env:SECRET}", 5),
    "the environment in a path": ("dataset.path", "x/${oc.env:SECRET}", 5),
    "the time": ("device", "${now:%Y}", 5),
    "another key": ("seed", "${train.steps}", 5),
    "an unknown key at the top": (NASTY, 1, 2),
    "an unknown key": (f"train.{NASTY}", 1, 2),
    "hydra's own": ("hydra", {"run": {"dir": "/"}}, 2),
    "a list of arguments": ("loss._args_", ["x"], 2),
    "networks of 17 GB": ("model.discriminator.width", 65_536, 2),
    "networks of 4e9 units": ("model.discriminator.width", 1 << 32, 2),
    "65,536 layers": ("model.generator.depth", 65_536, 2),
    "a billion samples": ("train.samples", 10**9, 2),
    "a batch of more than any machine holds": ("train.batch_size", 10**13, 2),
    "a million threads": ("train.threads", 10**6, 2),
    "a billion held out": ("train.held_out", 10**9, 2),
    "noise of a billion": ("prior.dim", 10**9, 2),
    "a width of words": ("model.generator.width", NASTY, 2),
    "a device of words": ("device", NASTY, 2),
    "a loss that is a number": ("loss", 1, 2),
    "no model": ("model", None, 2),
}


@pytest.mark.parametrize("name", thinned(VALUES, 3))
def test_a_config_with_what_no_config_has_is_refused(world: World, name):
    key, value, code = VALUES[name]
    edit_config(world.run, lambda config: put(config, key, value))
    assert world.call("gan-probe").code == code


@pytest.mark.slow
@pytest.mark.parametrize("name", VALUES)
def test_nor_is_it_resumed_with(world: World, name):
    key, value, code = VALUES[name]
    edit_config(world.run, lambda config: put(config, key, value))
    assert world.call("gan-train").code == code


@pytest.mark.parametrize(
    "dataset",
    [
        {"_target_": "gan_cli.data.MNIST", "root": "OUT/new", "download": True},
        {"_target_": "gan_cli.data.CIFAR10", "root": "OUT/new", "download": True},
        {"_target_": "gan_cli.data.Array", "path": "OUT/secret.txt"},
        {"_target_": "gan_cli.data.Array", "path": "OUT/sings.npy"},
        {"_target_": "gan_cli.data.Array", "path": "OUT/sings.pt"},
        {"_target_": "gan_cli.data.Array", "path": "/dev/zero"},
        {"_target_": "gan_cli.data.Folder", "path": "OUT", "size": 8},
        pytest.param({"_target_": "gan_cli.data.Folder", "path": "/proc/self", "size": 8}, marks=pytest.mark.slow),
        {"_target_": "gan_cli.data.Grid", "rows": 4096, "columns": 4096},
    ],
    ids=lambda node: "-".join(map(str, node.values())).replace("/", "_") if isinstance(node, dict) else None,
)
def test_data_that_a_config_names_are_read_at_most_and_never_run_or_fetched(world: World, dataset):
    command = f"touch {world.outside / 'sang'}"
    (world.outside / "sings.npy").write_bytes(pickle.dumps(Sings(command)))
    torch.save({"x": Sings(command)}, world.outside / "sings.pt")
    text = json.dumps(dataset).replace("OUT", str(world.outside))
    edit_config(world.run, lambda config: config.update(dataset=json.loads(text)))
    assert world.call("gan-probe").code in (2, 4)


class Sings:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_what_is_printed_of_a_run_is_obeyed_by_no_terminal(world: World):
    def nasty(about):
        about["choices"] = {NASTY: NASTY, "loss": NASTY}
        about["overrides"] = [NASTY, f"{NASTY}={NASTY}"]
        about["versions"] = {"gan-cli": NASTY}
        about["command"] = [NASTY]

    edit_json(world.run / "run.json", nasty)
    alarms = [{"name": NASTY, "step": 1, "saw": NASTY, "overrides": [NASTY]}]
    edit_json(world.run / "status.json", lambda status: status.update(reason=NASTY, alarms=alarms, status="failed"))
    with (world.run / "metrics.jsonl").open("a") as metrics:
        metrics.write(json.dumps({"step": 6, NASTY: 1.0, "loss/d": 1.0, "loss/g": "nan"}) + "\n")
    for words in ((".",), (".", "--json")):
        assert world.call("gan-runs", *words).code == 0
    for command in ("gan-sample", "gan-probe", "gan-train"):
        assert world.call(command).code == 0
    edit_config(world.run, lambda config: config.pop("aids"))
    assert world.call("gan-probe").code == 5


@pytest.mark.parametrize("number", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_thousands_of_planted_runs_are_a_list(world: World, number):
    status = (world.run / "status.json").read_text()
    for i in range(number):
        place = world.here / "many" / f"{i:05}"
        place.mkdir(parents=True)
        (place / "status.json").write_text(status if i % 2 else NASTY)
        os.symlink(world.outside / "secret.txt", place / "run.json")
    outcome = world.call("gan-runs", "many")
    assert outcome.code == 0
    assert len(outcome.out.splitlines()) == number + 1
