"""Memory that ends: the message names the keys that ask for it, and the run goes on from its last checkpoint."""

import resource
import sys
from pathlib import Path

import pytest
import torch
from faults_process.conftest import RUN, is_clean, with_

from gan_cli import checkpoint, loop

CPU = "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate"


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(RuntimeError(CPU), id="CPU"),
        pytest.param(MemoryError(), id="Python", marks=pytest.mark.slow),
        pytest.param(torch.OutOfMemoryError("CUDA out of memory."), id="GPU", marks=pytest.mark.slow),
        pytest.param(RuntimeError("std::bad_alloc"), id="C++", marks=pytest.mark.slow),
    ],
)
def test_a_step_that_has_no_memory_names_the_keys_and_loses_nothing(gan_train, nothing_is_lost, monkeypatch, error):
    really = loop.turn

    def turn(run):
        metrics = really(run)
        if run.step + 1 == 13:  # both players have moved
            raise error
        return metrics

    with monkeypatch.context() as patch:
        patch.setattr(loop, "turn", turn)
        code, _, err = gan_train(*RUN)
    assert code == 2
    assert is_clean(err)
    assert err.splitlines()[0] == "out of memory in step 13"
    assert "train.batch_size=16, model.width=8" in err
    assert err.endswith("the last checkpoint is of step 10; go on with:\n  gan-train resume=run\n")
    assert checkpoint.step_of(checkpoint.available(Path("run/checkpoints"))[0]) == 10
    nothing_is_lost()


def test_other_errors_of_pytorch_are_not_taken_for_a_lack_of_memory(gan_train, monkeypatch):
    def turn(run):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied (16x4 and 8x8)")

    monkeypatch.setattr(loop, "turn", turn)
    with pytest.raises(RuntimeError, match="mat1"):
        gan_train(*RUN)


@pytest.fixture
def little_memory():
    """Half a gigabyte more than this process has."""
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux holds a process to its address space")
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 29), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def test_networks_too_large_for_the_machine_are_a_matter_of_the_config(gan_train, little_memory):
    code, _, err = gan_train(*with_("model.width=30000"))
    assert code == 2
    assert is_clean(err)
    assert err.splitlines()[0] == "out of memory while the networks were built and the data read"
    assert "model.width=30000" in err
    assert [*Path().iterdir()] == []


def test_a_batch_too_large_for_the_machine_ends_in_its_first_step(gan_train, little_memory):
    points = ("dataset=gaussian", "model=mlp", "model.width=8", "prior.dim=2", "train.steps=3")
    code, _, err = gan_train(*points, "train.batch_size=40000000", "hydra.run.dir=run")
    assert code == 2
    assert is_clean(err)
    assert err.splitlines()[0] == "out of memory in step 1"
    assert "train.batch_size=40000000" in err


def test_data_without_memory_are_no_bad_files(gan_train, monkeypatch):
    from PIL import Image

    from gan_cli.data import decode

    def read_picture(*_):
        raise MemoryError

    Path("images").mkdir()
    for i in range(20):
        Image.new("RGB", (8, 8)).save(f"images/{i}.png")
    monkeypatch.setattr(decode, "read_picture", read_picture)
    code, _, err = gan_train(*with_("dataset=folder", "dataset.path=images", "dataset.size=8"))
    assert (code, err.splitlines()[0]) == (2, "out of memory while the networks were built and the data read")
    assert [path.name for path in Path().iterdir()] == ["images"]
