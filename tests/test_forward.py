"""Whatever is faster means the same: bfloat16, another order of weights, compiled networks."""

import pytest
import torch
from conftest import ROOT, TINY, make_run, train_in
from pytest import approx
from torch.nn.utils.parametrizations import spectral_norm

from gan_cli import checkpoint, cpu, products
from gan_cli.forward import Forward, call, has_fast_bf16, lay_out, like_weights, precision_of
from gan_cli.loop import turn
from gan_cli.optimizers import without_compiler
from gan_cli.steps import discriminator_gradient, discriminator_step, generator_gradient

FAMILIES = {
    "dcgan": ("model.base_channels=16",),
    "dcgan with labels": ("model=dcgan", "model.base_channels=16", "model.conditional=true"),
    "mlp": ("model=mlp", "model.width=64"),
    "r3gan": ("model=r3gan", "model.base_channels=32"),
    "resnet": ("model=resnet", "model.base_channels=16"),
    "spectral norm": ("model=resnet", "model.base_channels=16", "model.spectral_norm=true"),
    "minibatch std": ("model.base_channels=16", "model.discriminator.minibatch_std=true"),
    "layer norm": ("model.base_channels=16", "model.discriminator.norm=layer", "model.generator.norm=instance"),
}
CPU = torch.device("cpu")
IMAGES = ("dataset=digits", "penalty=none", "train.batch_size=32", "train.steps=4", "train.threads=1")


def far(found, exact):
    """The distance of two lists of tensors, relative to the length of the second."""
    a, b = (torch.cat([t.flatten().double() for t in tensors]) for tensors in (found, exact))
    return float((a - b).norm() / b.norm())


def gradients(*overrides):
    """Of both players at the first step."""
    run = make_run(*IMAGES, *overrides)
    x = next(run.reals)
    discriminator_gradient(run, x)
    found = [p.grad for p in run.D.parameters()]
    run.watching = True
    generator_gradient(run, x)
    return run, found, [p.grad for p in run.G.parameters()]


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_in_bfloat16_are_those_of_float32_but_for_their_last_digits(family):
    _, d, g = gradients(*FAMILIES[family])
    run, rough_d, rough_g = gradients(*FAMILIES[family], "train.precision=bf16")
    assert {t.dtype for t in (*rough_d, *rough_g)} == {torch.float32}
    # 8 bits are half a percent at each product; a wrong term, such as a sign or a missing layer, would be 100 %
    assert 1e-4 < far(rough_d, d) < 0.1
    assert 1e-4 < far(rough_g, g) < 0.1
    assert {buffer.dtype for net in (run.D, run.G) for buffer in net.buffers()} <= {torch.float32, torch.int64}


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "mlp"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_weights_in_another_order_have_the_same_gradients(family, precision):
    plain = gradients(*FAMILIES[family], "train.channels_last=false")
    run, d, g = gradients(*FAMILIES[family], "train.channels_last=true", f"train.precision={precision}")
    assert any(not p.is_contiguous() for p in run.D.parameters())
    most = 1e-5 if precision == "fp32" else 0.1
    assert far(d, plain[1]) < most
    assert far(g, plain[2]) < most


def test_small_batches_keep_the_order_and_the_bits_that_they_had():
    assert all(p.is_contiguous() for p in make_run(*IMAGES).D.parameters())
    assert any(not p.is_contiguous() for p in make_run(*IMAGES, "train.batch_size=128").D.parameters())
    assert not lay_out("auto", torch.nn.Linear(2, 2), numbers=2**20, device=CPU), "there is no convolution"


def test_auto_keeps_the_order_on_apples_gpus_and_in_code_of_others():
    class Mine(torch.nn.Conv2d):
        pass

    for net, device, moved in (
        (torch.nn.Conv2d(2, 2, 3), CPU, True),
        (torch.nn.Conv2d(2, 2, 3), torch.device("mps"), False),
        (Mine(2, 2, 3), CPU, False),
        (spectral_norm(torch.nn.Conv2d(2, 2, 3)), CPU, True),
        (spectral_norm(Mine(2, 2, 3)), CPU, False),
    ):
        assert lay_out("auto", net, numbers=2**20, device=device) is moved
        assert lay_out(True, net, numbers=1, device=device)


def test_weights_of_other_ranks_keep_their_order():
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 2, 3), torch.nn.Conv3d(2, 2, 3))
    assert lay_out(True, net, numbers=1, device=CPU)
    assert net[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert net[1].weight.is_contiguous()


def test_batch_norm_takes_its_statistics_in_float32():
    """Far from 0, where bfloat16 has no digits left for a spread of 1."""
    norm = torch.nn.BatchNorm1d(1, momentum=1.0)
    x = 200 + torch.randn(4096, 1, generator=torch.Generator().manual_seed(0)).round()
    with torch.autocast("cpu", torch.bfloat16):
        norm(x.bfloat16())
    exact = x.bfloat16().double()
    assert norm.running_mean.dtype == torch.float32
    assert float(norm.running_mean) == approx(float(exact.mean()), rel=1e-5)
    assert float(norm.running_var) == approx(float(exact.var()), rel=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_keep_the_digits_of_float32(family):
    run = make_run(*IMAGES, *FAMILIES[family], "train.precision=bf16")
    x = next(run.reals)
    logits = run.judge(run.labels)(x)
    assert logits.dtype == torch.float32
    assert not torch.equal(logits, logits.bfloat16().float())


def test_a_penalty_is_taken_in_float32():
    run = make_run(*IMAGES, "penalty=r1", "model.base_channels=16", "train.precision=bf16")
    x = next(run.reals)
    assert torch.equal(run.judge_plainly()(x), call(run.D, x))
    assert not torch.equal(run.judge()(x), call(run.D, x))
    discriminator_step(run, x)
    exact = make_run(*IMAGES, "penalty=r1", "model.base_channels=16")
    discriminator_step(exact, next(exact.reals))
    assert torch.equal(run.last_penalty, exact.last_penalty)


def test_the_division_by_a_spectral_norm_is_done_in_float32():
    run = make_run(*IMAGES, *FAMILIES["spectral norm"], "train.precision=bf16")
    run.D.eval()
    layer = next(m for m in run.D.modules() if hasattr(m, "parametrizations"))
    seen = []
    layer.register_forward_pre_hook(lambda module, _: seen.append(module.weight.clone()))
    run.judge()(next(run.reals))
    assert torch.equal(seen[0], layer.weight)


@pytest.mark.parametrize("overrides", [(), ("penalty=r1", "train.d_steps=2", "train.ema_half_life_images=100")])
def test_a_resumed_run_in_bfloat16_and_another_order_ends_with_the_same_bits(tmp_path, overrides):
    fast = (*IMAGES, "model.base_channels=8", "train.precision=bf16", "train.channels_last=true")
    fast = (*fast, "train.checkpoint_every=2", "train.keep=null", "train.held_out=2", *overrides)
    whole = train_in(tmp_path / "whole", *fast)
    first = checkpoint.load(checkpoint.available(tmp_path / "whole/checkpoints")[1])
    assert first["step"] == 2
    torn = train_in(tmp_path / "torn", *fast, state=first | {"offsets": {"metrics": 0, "timing": 0}})
    assert torn.digest() == whole.digest()


def test_an_optimizers_state_from_a_file_is_laid_out_as_the_weights_are():
    """Fused kernels go through memory by addresses: without that, moments would meet the wrong weights."""
    ends = []
    for order in (torch.contiguous_format, torch.channels_last):
        w = torch.nn.Parameter(torch.ones(3, 2, 2, 2).to(memory_format=order))
        optimizer = without_compiler(torch.optim.Adam)([w], fused=True)
        moments = torch.arange(24.0).view(3, 2, 2, 2)
        state = {"step": torch.tensor(1.0), "exp_avg": moments.clone(), "exp_avg_sq": moments.clone() ** 2}
        optimizer.load_state_dict(optimizer.state_dict() | {"state": {0: state}})
        like_weights(optimizer)
        w.grad = torch.ones_like(w)
        optimizer.step()
        ends.append(w.detach().clone())
    assert torch.equal(*ends)


def test_auto_is_bfloat16_where_the_processor_has_it(monkeypatch):
    device = CPU
    for flags, precision in (("avx512f", "fp32"), ("avx512f avx512_bf16", "bf16"), ("", "fp32")):
        monkeypatch.setattr(cpu, "facts", lambda path=None, flags=flags: {"flags": flags})
        assert precision_of("auto", device) == precision
        assert precision_of("bf16", device) == "bf16"
        assert precision_of("fp32", device) == "fp32"
    assert not has_fast_bf16(torch.device("mps"))


class TestCompiled:
    def test_what_cannot_be_compiled_is_called_as_it_is_and_says_so(self, monkeypatch):
        def missing(net, **_):
            def call(*inputs):
                net(*inputs)  # it gets some way, and batch norm moves
                raise RuntimeError("no C++ compiler found\nand much more")

            return call

        monkeypatch.setattr(torch, "compile", missing)
        told = []
        net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2), torch.nn.Dropout(0.5))
        x = torch.randn(8, 3)
        torch.manual_seed(0)
        found = Forward(compiled=True, tell=told.append)(net, x)
        count, state = int(net[1].num_batches_tracked), torch.get_rng_state()
        torch.manual_seed(0)
        assert torch.equal(found, call(net, x))
        assert count == 1
        assert torch.equal(state, torch.get_rng_state())
        assert len(told) == 1 and "no C++ compiler found" in told[0] and "\n" not in told[0]

    def test_nor_does_one_that_fails_later(self, monkeypatch):
        """With gradients, or with another number of samples, a network is compiled anew."""

        def made(net, **_):
            def call(x):
                if len(x) > 2:
                    raise RuntimeError("no kernel")
                return net(x)

            return call

        monkeypatch.setattr(torch, "compile", made)
        told = []
        net, forward = torch.nn.Linear(3, 2), Forward(compiled=True, tell=told.append)
        for n in (2, 4, 4):
            x = torch.randn(n, 3)
            assert torch.equal(forward(net, x), call(net, x))
        assert len(told) == 1 and "no kernel" in told[0]

    def test_parametrized_weights_are_left_to_python(self):
        told = []
        net = spectral_norm(torch.nn.Linear(3, 2)).eval()
        x = torch.randn(8, 3)
        assert torch.equal(Forward(compiled=True, tell=told.append)(net, x), call(net, x))
        assert "spectral norm" in told[0]

    def test_on_and_off_are_words_for_true_and_false(self):
        for word, compiled in (("on", True), ("off", False), ("true", True), ("false", False)):
            assert make_run(*TINY, f"train.compile={word}").forward.compiled is compiled

    @pytest.mark.slow
    @pytest.mark.filterwarnings("ignore")  # the compiler's own
    @pytest.mark.parametrize("family", ["dcgan", "mlp"])
    def test_compiled_networks_have_the_same_gradients(self, family):
        _, d, g = gradients(*FAMILIES[family])
        run, fast_d, fast_g = gradients(*FAMILIES[family], "train.compile=on")
        told = []
        run.forward.tell = told.append
        assert all(made is not net for net, made in run.forward._known.items()), "it was not compiled"
        assert far(fast_d, d) < 1e-5
        assert far(fast_g, g) < 1e-5


def test_a_config_says_how_and_the_default_is_exact():
    run = make_run(*TINY)
    assert (run.forward.precision, run.forward.compiled) == ("fp32", False)
    assert "precision: fp32" in (ROOT / "conf/train/default.yaml").read_text()


def test_recorded_graphs_are_told_of_a_turn_once_before_it(monkeypatch):
    """A mark between D(x) and D(G(z)) would let the second write over the first, which D's gradient still needs."""
    told = []
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: told.append("turn"))
    run = make_run(*TINY, "train.d_steps=3")
    monkeypatch.setattr(run.forward, "begin", Forward("fp32", "cuda", compiled=True).begin)
    turn(run)
    turn(run)
    assert told == ["turn"] * 2


def test_the_second_run_of_a_process_has_the_bits_of_the_first():
    """What holds for the whole process is set before the first product, such as those of a spectral norm."""
    switch = products._switch()
    if switch is not None:
        switch.fp32_precision = "ieee"
    first, second = (make_run(*IMAGES, *FAMILIES["spectral norm"]).digest() for _ in range(2))
    assert first == second
