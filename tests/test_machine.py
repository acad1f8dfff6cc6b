"""What a run's bits depend on: which machine it is, and how a GPU may round float32."""

import pytest
import torch

from gan_cli.machine import fast_float32, machine


@pytest.fixture
def precision():
    """The process's settings, put back as PyTorch has them at its start."""
    yield lambda: (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = True


@pytest.mark.parametrize(("allowed", "expected"), [(True, ("high", True)), (False, ("highest", False))])
def test_tf32_is_for_products_and_convolutions_alike(precision, allowed, expected):
    fast_float32(torch.device("cuda"), allowed)
    assert precision() == expected
    fast_float32(torch.device("cpu"), not allowed)
    assert precision() == expected, "a run on a CPU sets nothing"


def test_a_resume_hears_of_another_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    assert "gpu" not in machine()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    assert machine()["gpu"] == "NVIDIA H200"
