"""A product of float32 matrices has the digits of float32, whoever takes it."""

from types import SimpleNamespace

import pytest
import torch
from pytest import approx

from gan_cli import cpu, products


@pytest.fixture
def switch(monkeypatch):
    """PyTorch's setting, put back afterwards."""
    found = products._switch()
    if found is None:
        pytest.skip("this version of torch has no such setting")
    before = found.fp32_precision
    yield found
    found.fp32_precision = before


def processor(monkeypatch, vendor, *flags):
    monkeypatch.setattr(cpu, "facts", lambda path=None: {"vendor_id": vendor, "flags": " ".join(flags)})


@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (3, 5, 7), (64, 784, 256), (256, 256, 256), (257, 100, 33)])
def test_products_and_their_gradients_are_those_of_float64_to_float32s_digits(switch, m, k, n):
    products.faster()
    g = torch.Generator().manual_seed(0)
    x, w, b = (torch.randn(shape, generator=g) for shape in ((m, k), (n, k), (n,)))
    out = torch.randn(m, n, generator=g)
    found = []
    for dtype in (torch.float32, torch.float64):
        a, weight, bias = (t.to(dtype).requires_grad_() for t in (x, w, b))
        y = torch.nn.functional.linear(a, weight, bias)
        found.append([y.detach(), *torch.autograd.grad(y, (a, weight, bias), out.to(dtype))])
    for ours, exact in zip(*found, strict=True):
        assert float((ours.double() - exact).norm() / exact.norm()) == approx(0, abs=1e-6)


def test_it_is_taken_on_amds_processors_alone(switch, monkeypatch):
    switch.fp32_precision = "ieee"
    for vendor, flags in (("GenuineIntel", ["avx512f"]), ("AuthenticAMD", ["avx2"]), ("", [])):
        processor(monkeypatch, vendor, *flags)
        assert not products.faster()
        assert switch.fp32_precision == "ieee"


def test_where_it_rounds_to_bfloat16_nothing_changes(monkeypatch):
    """As on a processor with AMX, which makes of the setting what it says."""
    setting = SimpleNamespace(fp32_precision="ieee")
    monkeypatch.setattr(products, "_switch", lambda: setting)
    processor(monkeypatch, "AuthenticAMD", "avx512f")
    product = torch.Tensor.__matmul__
    monkeypatch.setattr(torch.Tensor, "__matmul__", lambda a, b: product(a.bfloat16(), b.bfloat16()).to(a.dtype))
    assert not products.faster()
    assert setting.fp32_precision == "ieee"


def test_an_older_torch_without_the_setting_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(products, "_switch", lambda: None)
    processor(monkeypatch, "AuthenticAMD", "avx512f")
    assert not products.faster()
