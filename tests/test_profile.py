"""A profile tells where the time of ten steps went, in words, and moves the run by no bit."""

import gzip
import json
import re
from types import SimpleNamespace

import pytest
import torch
from conftest import TINY, make_run
from pytest import approx

from gan_cli import loop
from gan_cli.errors import RunError
from gan_cli.expense import PARTS, table
from gan_cli.loop import train
from gan_cli.parts import naming, part

SETTINGS = (*TINY, "train.steps=22", "train.log_every=5", "train.profile=true")
ROW = re.compile(r" *([\d.]+)% +([\d.]+) +(?:([\d.]+)  )?(\S.*)")


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr(loop, "look", lambda run: {})


def begin(directory, *overrides: str, stop: int | None = None):
    run = make_run(*SETTINGS, *overrides)
    directory.mkdir()
    with run.open(directory):
        tick = run.console.tick
        run.console.tick = lambda step: (tick(step), setattr(run, "stopping", step == stop))
        try:
            train(run)
        finally:
            run.log.close()
    return run


def test_a_profile_changes_no_bit_and_says_where_the_time_went(tmp_path, capsys):
    run, plain = begin(tmp_path / "run"), begin(tmp_path / "plain", "train.profile=false")
    assert run.digest() == plain.digest()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "profile of steps 11 to 20, 1 thread, fp32"
    last = next(i for i, line in enumerate(lines) if line.startswith("every call: profile.json.gz"))
    assert max(map(len, lines[: last + 1])) < 80, "a terminal of 80 columns"
    rows = [found.groups() for line in lines[:last] if (found := ROW.fullmatch(line))]
    assert sum(float(share) for share, *_ in rows) == approx(100, abs=1), "rounded to a tenth, 13 times"
    assert [what.partition(":")[0] for *_, what in rows[-2:]] == ["data wait", "host wait"]
    assert len(rows) == 10 + 1 + 2
    calls = {what.split("  ")[0]: calls for _, _, calls, what in rows}
    assert calls["figures"] == "0.4", "of steps 15 and 20: measured and reported"
    assert float(rows[-2][0]) > 0
    with gzip.open(tmp_path / "run/profile.json.gz") as file:
        names = [event.get("name") for event in json.load(file)["traceEvents"]]
    every_step = ("data", "D's update", "G's update", "average")
    assert [names.count(name) for name in every_step] == [10] * 4
    assert not (tmp_path / "plain/profile.json.gz").exists()
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.startswith(".tmp")]


@pytest.mark.parametrize(
    ("settings", "stop", "said"),
    [
        (("train.steps=19",), None, "none is made: 19 steps are left, and a profile takes 10 to warm up and 10"),
        ((), 15, "the run was stopped before its profile was whole; none is written"),
        ((), 5, "the run was stopped before its profile was whole; none is written"),
    ],
)
def test_a_run_too_short_for_a_profile_says_so(tmp_path, capsys, settings, stop, said):
    run = begin(tmp_path / "run", *settings, stop=stop)
    assert run.step == stop or run.step == run.steps
    assert f"train.profile: {said}" in capsys.readouterr().out
    assert not (tmp_path / "run/profile.json.gz").exists()


def test_a_profile_that_cannot_be_written_is_an_error_that_names_it(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch.profiler.profile, "export_chrome_trace", full)
    with pytest.raises(RunError, match=r"profile\.json\.gz cannot be written: No space left"):
        begin(tmp_path / "run")


def test_the_parts_of_a_step_have_names_only_where_somebody_looks(monkeypatch):
    named = []

    class Spy(torch.profiler.record_function):
        def __init__(self, name: str) -> None:
            named.append(name)
            super().__init__(name)

    monkeypatch.setattr(torch.profiler, "record_function", Spy)
    double = part("average")(lambda x: 2 * x)
    assert double(2) == 4
    assert named == []
    with naming():
        assert double(3) == 6
    assert named == ["average"]


def test_every_part_that_is_named_is_told_of():
    places = (loop.real_batch, loop.discriminator_step, loop.generator_step, loop.simultaneous_step, loop.average)
    assert {place.__closure__ is not None for place in places} == {True}
    held = {cell.cell_contents for place in places for cell in place.__closure__}
    assert {name for name in held if isinstance(name, str)} <= set(PARTS)


def event(name, us, parent=None, *, device_us=0.0, on="CPU", thread=1, own=None):
    """An event of a profile, as far as a table reads it; `own`: what is its own of so many microseconds."""
    return SimpleNamespace(
        name=name,
        cpu_parent=parent,
        thread=thread,
        device_type=SimpleNamespace(name=on),
        is_user_annotation=False,
        time_range=SimpleNamespace(elapsed_us=lambda: us),
        self_cpu_time_total=us if own is None else own,
        self_device_time_total=device_us,
    )


def test_on_a_gpu_shares_are_of_its_own_time_and_the_host_is_told_of_apart():
    step = event("ProfilerStep*", 10_000, own=500)
    update = event("D's update", 8_000, step, own=1_000)
    data = event("data", 1_500, step, own=700)
    conv = event("aten::conv2d", 2_000, update, device_us=3_000.0)
    node = event("autograd::engine::evaluate_function: ConvolutionBackward0", 900, thread=2, device_us=1_000.0)
    read = event("aten::item", 4_100, update, own=100)
    wait = event("cudaStreamSynchronize", 4_000, read)
    copy = event("cudaMemcpyAsync", 800, data)
    after = event("cudaDeviceSynchronize", 9_000)  # of the profiler's own, when it ends
    kernels = [event("implicit_gemm", 3_000, on="CUDA", thread=7), event("wgrad", 1_000, on="CUDA", thread=7)]
    kernels.append(event("D's update", 7_000, on="CUDA", thread=7))  # the shadow of a name
    told = table([step, update, data, conv, node, read, wait, copy, after, *kernels], steps=1, waits=True)
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert lines[0] == "10.000 ms a step; shares are of the 4.000 ms that the device is busy"
    assert "75.0% 3.000 1.0 convolution conv2d" in lines
    assert "25.0% 1.000 1.0 convolution, backward ConvolutionBackward0" in lines
    assert "the device is busy for 40.0% of the time; of the time of the host:" in lines
    assert "15.0% 1.500 1.0 data wait: in next(reals)" in lines
    assert "40.0% 4.000 1.0 host wait: for the device" in lines
    assert lines[-1] == "by part: data 15.0%, D's update 80.0%"
