"""A generator as files: what was written is what draws, and a description can do nothing but describe."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from gan_cli import checkpoint, export
from gan_cli.errors import ConfigError, RunError
from gan_cli.models import dcgan, mlp

CONFIG = {
    "model": {
        "generator": {"_target_": "gan_cli.models.dcgan.Generator", "_partial_": True, "base_channels": 2},
        "discriminator": {"_target_": "gan_cli.models.dcgan.Discriminator"},
    },
    "prior": {"_target_": "gan_cli.priors.Normal", "dim": 4},
}
SHAPE = (1, 8, 8)


def make(seed=0, **arguments):
    torch.manual_seed(seed)
    return dcgan.Generator(SHAPE, 4, **({"base_channels": 2} | arguments))


def begin(directory: Path, **changes) -> Path:
    directory.mkdir(exist_ok=True)
    export.begin(directory, export.describe(CONFIG, SHAPE, 4) | changes)
    return directory


@pytest.fixture
def finished(tmp_path):
    """A finished run's directory, with weights of seed 0 and an average of seed 1."""
    export.write(begin(tmp_path / "run"), make(0), make(1), step=300)
    return tmp_path / "run"


def save(directory, step, G, ema=None):
    state = {"step": step, "G": G.state_dict(), "ema": ema.state_dict() if ema else None}
    return checkpoint.save(directory / "checkpoints", step, state, keep=None)


def is_same(net, other):
    mine, its = net.state_dict(), other.state_dict()
    return mine.keys() == its.keys() and all(torch.equal(mine[key], its[key]) for key in mine)


def change(directory, **changes):
    path = directory / "generator" / "generator.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_description_says_all_that_rebuilds_a_generator():
    assert export.describe(CONFIG, SHAPE, 4) == {
        "format": 1,
        "generator": {
            "_target_": "gan_cli.models.dcgan.Generator",
            "arguments": {"base_channels": 2, "shape": [1, 8, 8], "noise_dim": 4},
        },
        "prior": {"_target_": "gan_cli.priors.Normal", "arguments": {"dim": 4}},
        "shape": [1, 8, 8],
    }


def test_a_description_of_a_conditional_generator_says_its_classes():
    about = export.describe(CONFIG, SHAPE, 4, 3, {"cat": 0, "dog": 2})
    assert about["generator"]["arguments"] == {"base_channels": 2, "shape": [1, 8, 8], "noise_dim": 4, "classes": 3}
    assert about["labels"] == {"cat": 0, "dog": 2}


def test_a_conditional_generator_comes_back_with_its_classes(tmp_path):
    (tmp_path / "run").mkdir()
    export.begin(tmp_path / "run", export.describe(CONFIG, SHAPE, 4, 3, {"cat": 0, "dog": 2}))
    export.write(tmp_path / "run", make(0, classes=3), None, step=5)
    sampler = export.load(tmp_path / "run")
    assert is_same(sampler.G, make(0, classes=3))
    assert sampler.labels == {"cat": 0, "dog": 2}
    z = sampler.noise(0, 0, 40)
    assert torch.equal(sampler(z, 2)[:5], sampler(z[:5], 2))
    torch.testing.assert_close(sampler(z, 2), make(0, classes=3).eval()(z, torch.full((40,), 2)))


@pytest.mark.parametrize("labels", [None, {}, {"cat": 3}, {"cat": -1}, {"cat": "0"}, ["cat"]])
def test_labels_that_the_generator_does_not_have_are_refused(tmp_path, labels):
    (tmp_path / "run").mkdir()
    export.begin(tmp_path / "run", export.describe(CONFIG, SHAPE, 4, 3, labels))
    export.write(tmp_path / "run", make(0, classes=3), None, step=5)
    with pytest.raises(RunError, match="make no generator"):
        export.load(tmp_path / "run")


@pytest.mark.parametrize(("averaged", "seed", "is_average"), [(None, 1, True), (True, 1, True), (False, 0, False)])
def test_the_weights_come_back_to_the_bit(finished, averaged, seed, is_average):
    sampler = export.load(finished, averaged)
    assert is_same(sampler.G, make(seed))
    assert (sampler.step, sampler.averaged, sampler.shape) == (300, is_average, SHAPE)
    assert not sampler.G.training


def test_a_generator_folder_is_enough(finished, tmp_path):
    (finished / "generator").rename(tmp_path / "gift")
    assert is_same(export.load(tmp_path / "gift").G, make(1))


def test_without_an_average_there_are_the_last_weights(tmp_path):
    export.write(begin(tmp_path / "run"), make(0), None, step=5)
    assert not export.load(tmp_path / "run").averaged
    with pytest.raises(RunError, match="no average of G; use --no-ema"):
        export.load(tmp_path / "run", averaged=True)


def test_an_unfinished_run_draws_from_its_newest_checkpoint(tmp_path):
    save(begin(tmp_path / "run"), 10, make(0))
    save(tmp_path / "run", 20, make(1), ema=make(2))
    average, raw = export.load(tmp_path / "run"), export.load(tmp_path / "run", averaged=False)
    assert is_same(average.G, make(2)) and is_same(raw.G, make(1))
    assert (average.step, average.averaged, raw.averaged) == (20, True, False)


def test_a_damaged_checkpoint_is_passed_over_with_a_word(tmp_path):
    save(begin(tmp_path / "run"), 10, make(0))
    save(tmp_path / "run", 20, make(1)).write_bytes(b"")
    said = []
    assert is_same(export.load(tmp_path / "run", warn=said.append).G, make(0))
    assert len(said) == 1 and "going back to step 10" in said[0]


def test_a_finished_run_that_went_on_draws_from_where_it_is(finished):
    save(finished, 300, make(2))
    assert is_same(export.load(finished).G, make(1))
    save(finished, 400, make(3))
    assert export.load(finished).step == 400
    assert is_same(export.load(finished).G, make(3))


def test_a_run_without_weights_says_so(tmp_path):
    with pytest.raises(RunError, match="there are no weights yet"):
        export.load(begin(tmp_path / "run"))


def test_a_foreign_checkpoint_is_no_generator(tmp_path):
    checkpoint.save(begin(tmp_path / "run") / "checkpoints", 1, {"hello": 1}, keep=None)
    with pytest.raises(RunError, match="holds no generator: KeyError"):
        export.load(tmp_path / "run")


def test_nothing_there_and_no_generator_there_are_told_apart(tmp_path):
    with pytest.raises(RunError, match="there is no directory"):
        export.load(tmp_path / "no")
    with pytest.raises(RunError, match="holds no generator"):
        export.load(tmp_path)


class Tied(mlp.Generator):
    """Two layers with one weight."""

    def __init__(self, shape, noise_dim, width=4):
        super().__init__(shape, noise_dim, width, depth=3)
        self.net[2].weight = self.net[4].weight


def test_shared_weights_survive(tmp_path):
    arguments = {"shape": [2], "noise_dim": 4, "width": 4}
    begin(tmp_path / "run", shape=[2], generator={"_target_": f"{__name__}.Tied", "arguments": arguments})
    G = Tied((2,), 4)
    export.write(tmp_path / "run", G, None, step=1)
    assert is_same(export.load(tmp_path / "run", trust=True).G, G)


def test_weights_are_written_in_rows_whatever_their_layout(tmp_path):
    export.write(begin(tmp_path / "run"), make().to(memory_format=torch.channels_last), None, step=1)
    assert is_same(export.load(tmp_path / "run").G, make())


def test_no_half_written_file_stays(finished):
    assert sorted(os.listdir(finished / "generator")) == ["ema.safetensors", "generator.json", "raw.safetensors"]


def test_a_disk_that_refuses_is_the_user_s_to_know(tmp_path):
    (begin(tmp_path / "run") / "generator" / ".tmp-raw").mkdir()
    with pytest.raises(RunError, match=r"raw\.safetensors cannot be written"):
        export.write(tmp_path / "run", make(), None, step=1)


# -- sample i depends on (seed, i) and on nothing else ------------------------------------------------------------


def test_a_sample_does_not_depend_on_how_many_are_drawn(finished):
    sampler = export.load(finished)
    few, many = sampler(sampler.noise(7, 0, 5)), sampler(sampler.noise(7, 0, 70))
    assert few.shape == (5, *SHAPE) and many.shape == (70, *SHAPE)
    assert torch.equal(few, many[:5])
    assert torch.equal(sampler(sampler.noise(7, 64, 6)), many[64:])


def test_the_network_always_sees_batches_of_one_size(finished):
    """Another size may take another kernel, and round differently in the last bit."""
    sampler, sizes = export.load(finished), []
    sampler.G.register_forward_pre_hook(lambda _, arguments: sizes.append(len(arguments[0])))
    for n in (1, 5, 32, 70):
        sampler(sampler.noise(0, 0, n))
    assert set(sizes) == {32}


def test_noise_number_i_is_its_own(finished):
    sampler = export.load(finished)
    noise = sampler.noise(7, 0, 70)
    assert torch.equal(sampler.noise(7, 33, 1)[0], noise[33])
    assert len(noise.unique(dim=0)) == 70
    assert not torch.equal(sampler.noise(8, 0, 1), noise[:1])


def test_drawing_leaves_the_global_generator_alone(finished):
    sampler = export.load(finished)
    before = torch.get_rng_state()
    sampler(sampler.noise(0, 0, 3))
    assert torch.equal(torch.get_rng_state(), before)


def test_samples_are_what_the_network_says(finished):
    sampler = export.load(finished)
    z = sampler.noise(0, 0, 32)
    with torch.no_grad():
        assert torch.equal(sampler(z), make(1).eval()(z))


# -- a description is somebody's file -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "subprocess.run",
        "builtins.eval",
        "gan_cli.targets.importlib.import_module",
        "gan_cli.record.subprocess.run",
        "gan_cli.state.torch.load",
        "gan_cli.files.write_text",
        "torch.load",
        "torch.optim.lr_scheduler.types.FunctionType",
        "canary.Generator",
        "__main__.x",
        "os.system; gan_cli",
        "",
    ],
)
@pytest.mark.parametrize("place", ["generator", "prior", "inside"])
def test_foreign_code_is_refused_and_not_imported(finished, tmp_path, monkeypatch, target, place):
    (tmp_path / "canary.py").write_text(f"open({str(tmp_path / 'sang')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    node = {"_target_": target, "arguments": {"command": f"touch {tmp_path / 'sang'}"}}
    if place == "inside":
        nested = json.loads((finished / "generator" / "generator.json").read_text())["generator"]
        nested["arguments"]["norm"] = [node]
        change(finished, generator=nested)
    else:
        change(finished, **{place: node})
    with pytest.raises(ConfigError, match="--trust"):
        export.load(finished)
    assert not (tmp_path / "sang").exists()


def test_our_own_classes_that_write_files_are_no_generators(finished, tmp_path):
    """Logbook cuts files off: naming it must not make one."""
    precious = tmp_path / "metrics.jsonl"
    precious.write_text("precious")
    for role in ("generator", "prior"):
        node = {"_target_": "gan_cli.logbook.Logbook", "arguments": {"directory": str(tmp_path)}}
        before = json.loads((finished / "generator" / "generator.json").read_text())
        change(finished, **{role: node})
        with pytest.raises(RunError, match=f"gan_cli.logbook.Logbook is no {role}"):
            export.load(finished)
        change(finished, **before)
    assert precious.read_text() == "precious"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("extra_layers", 10**12, "extra_layers is 1000000000000; if it is yours, add --trust$"),
        ("base_channels", 1024, "are not those of the networks described"),
        ("base_channels", 4, "are not those of the networks described"),
        ("shape", [1, 10**12, 10**12], "shape is 1000000000000; if it is yours, add --trust$"),
        ("shape", [1, 16, 16], "are not those of the networks described"),
        ("noise_dim", 10**12, "noise_dim is"),
        ("activation", "boom", "make no generator"),
        ("colour", "red", "make no generator: TypeError"),
    ],
)
def test_a_description_that_does_not_fit_its_weights_is_refused_before_it_takes_memory(finished, key, value, message):
    node = json.loads((finished / "generator" / "generator.json").read_text())["generator"]
    node["arguments"][key] = value
    change(finished, generator=node)
    with pytest.raises(RunError, match=message):
        export.load(finished)


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [1, 8, 9]},
        {"shape": []},
        {"shape": [0]},
        {"shape": "large"},
        {"shape": None},
        {"prior": {"_target_": "gan_cli.priors.Normal", "arguments": {"dim": 5}}},
        {"prior": {"_target_": "gan_cli.priors.Normal", "arguments": {"dim": 0}}},
        {"prior": {"_target_": "gan_cli.priors.Prior", "arguments": {}}},
        {"prior": {"_target_": "gan_cli.priors.Normal"}},
        {"prior": {"_target_": "gan_cli.priors.Normal", "arguments": []}},
        {"prior": None},
        {"generator": []},
        {"generator": {"_target_": "gan_cli.models.mlp.Discriminator", "arguments": {"shape": [4]}}},
    ],
)
def test_a_description_that_makes_no_generator_is_a_clean_error(finished, changes):
    change(finished, **changes)
    with pytest.raises(RunError, match=r"generator\.json: description and weights make no generator"):
        export.load(finished)


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "\0", '{"a":' * 100_000])
def test_a_damaged_description_is_a_clean_error(finished, content):
    (finished / "generator" / "generator.json").write_text(content)
    with pytest.raises(RunError, match=r"generator\.json"):
        export.load(finished)


@pytest.mark.parametrize("harm", ["empty", "truncate", "text", "directory"])
def test_damaged_weights_are_a_clean_error(finished, harm):
    path = finished / "generator" / "ema.safetensors"
    data = path.read_bytes()
    path.unlink()
    if harm == "directory":
        path.mkdir()
    else:
        path.write_bytes({"empty": b"", "truncate": data[:-1], "text": b"no weights at all"}[harm])
    with pytest.raises(RunError):
        export.load(finished, averaged=True)


def test_only_tensors_are_in_the_weights(finished):
    weights = load_file(finished / "generator" / "raw.safetensors")
    assert all(isinstance(value, torch.Tensor) for value in weights.values())
    assert weights.keys() == make().state_dict().keys()


class Own(nn.Module):
    """Somebody's own generator."""

    def __init__(self, shape, noise_dim):
        super().__init__()
        self.linear = nn.Linear(noise_dim, shape[0])

    def forward(self, z):
        return self.linear(z)


def test_one_s_own_generator_is_drawn_from_on_trust(tmp_path):
    node = {"_target_": f"{__name__}.Own", "arguments": {"shape": [2], "noise_dim": 4}}
    export.write(begin(tmp_path / "run", generator=node, shape=[2]), Own((2,), 4), None, step=1)
    with pytest.raises(ConfigError, match="Own"):
        export.load(tmp_path / "run")
    sampler = export.load(tmp_path / "run", trust=True)
    assert sampler(sampler.noise(0, 0, 3)).shape == (3, 2)
