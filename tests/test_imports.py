"""What a command does not use, it does not import: seconds of each start. A failure says who imported it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

# Runs a command and writes which of the modules in the first argument it imported, each with the lines that led to it.
WITNESS = """
import json, sys, traceback
watched, command, place = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
sys.argv[:] = ["gan-" + command, *sys.argv[4:]]
led_to = {}

class Witness:
    def find_spec(self, name, path=None, target=None):
        if name in watched:  # looked for; whether it is imported as well is seen at the end
            stack = [frame for frame in traceback.extract_stack()[:-1] if "importlib" not in frame.filename]
            led_to.setdefault(name, [f"{frame.filename}:{frame.lineno}  {frame.line}" for frame in stack[-9:]])

sys.meta_path.insert(0, Witness())
from gan_cli.cli import entry
try:
    getattr(entry, command)()
finally:
    found = {name: led_to.get(name, ["before all else"]) for name in watched if name in sys.modules}
    open(place, "w").write(json.dumps([found, len(sys.modules)]))
"""
COMPILER = {
    "torch._dynamo": "torch's compiler, 900 modules: as long as all else of torch",
    "torch._inductor": "the same",
    "torch.fx.experimental.symbolic_shapes": "for the compiler, and for shapes that torch finds without numbers",
    "sympy": "the same",
}
UNUSED = COMPILER | {
    "torchvision": "imports the compiler; only what is missing is downloaded through it",
    "sklearn": "of it we need a file of digits, which is read without it",
    "scipy": "with scikit-learn",
    "pandas": "nothing of ours; others import it where it is installed",
    "networkx": "nothing of ours",
    "torch.onnx": "nothing of ours",
    "tensorflow": "nothing of ours; TensorBoard looks for it",
    "grpc": "TensorBoard's server; we write its files",
    "wandb": "logger=wandb alone",
    "mlflow": "logger=mlflow alone",
    "IPython": "for the figure in a notebook, which has it",
}
POINTS_ALONE = {"matplotlib": "draws points and densities; grids of images are tiled by hand"}
TORCH = {
    "torch": "there is nothing to compute",
    "numpy": "the same",
    "matplotlib": "the same",
    "PIL": "the same",
    "tensorboard": "the same",
}
STEPS = ("train.steps=3", "train.batch_size=16", "train.log_every=1", "train.sample_every=2",
         "train.checkpoint_every=2", "device=cpu", "hydra.run.dir=run")  # fmt: skip
TINY = ("model=mlp", "model.width=8", "prior.dim=2", *STEPS)


def run(folder: Path, unused: dict[str, str], command: str, *words: str) -> int:
    """Run a command that must not import these; returns how many modules it has at its end."""
    place = folder / "modules.json"
    called = [sys.executable, "-c", WITNESS, json.dumps([*unused]), command, str(place), *words]
    done = subprocess.run(called, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, count = json.loads(place.read_text())
    blame = [f"{name} ({unused[name]}) was imported by\n    " + "\n    ".join(lines) for name, lines in found.items()]
    assert not blame, "\n".join(blame)
    return int(count)


def test_a_run_on_images_logs_draws_and_saves_without_what_it_does_not_use(tmp_path):
    modules = run(tmp_path, UNUSED | POINTS_ALONE, "train", "dataset=digits", *TINY)
    assert modules < 2050  # measured: 1,792; torch alone has 1,205, and its compiler brings 900 more
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"checkpoints", "samples", "metrics.jsonl"}


def test_the_list_of_runs_needs_no_torch(tmp_path):
    assert run(tmp_path, TORCH, "runs", str(tmp_path)) < 550  # measured: 415


@pytest.mark.slow
@pytest.mark.parametrize("parts", [
    ("dataset=ring", "model=mlp"),
    ("dataset=digits", "model=mlp", "loss=wgan_gp", "optimizer=rmsprop"),
    ("dataset=digits", "model=mlp", "model.conditional=true", "optimizer=sgd", "train.ema_half_life_images=100"),
    ("dataset=digits", "model=dcgan", "model.spectral_norm=true", "penalty=r1", "aids.augment=[translation,colour]"),
    ("dataset=digits", "model=resnet", "optimizer=adamw"),
    ("dataset=digits", "model=r3gan", "penalty=r1r2"),
], ids=" ".join)  # fmt: skip
def test_whatever_is_trained_the_compiler_stays_away(tmp_path, parts):
    run(tmp_path, UNUSED, "train", *STEPS, *parts)


@pytest.mark.slow
def test_what_comes_after_a_run_imports_no_more(tmp_path):
    run(tmp_path, UNUSED | POINTS_ALONE, "train", "dataset=digits", *TINY)
    run(tmp_path, UNUSED | POINTS_ALONE, "sample", "run", "-n", "4")
    run(tmp_path, UNUSED | POINTS_ALONE, "train", "resume=run", "train.steps=4")
    run(tmp_path, UNUSED | POINTS_ALONE, "probe", "run", "--steps", "5")
    run(tmp_path, UNUSED, "theory", "--exact-only")
