"""One measurement's circumstances, and the run that gan-cli makes of them."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir

from bench.sets import Set
from gan_cli.builder import build, plain
from gan_cli.cli.overrides import groups_below, key_of, prepare
from gan_cli.paths import CONF_DIR
from gan_cli.run import Run
from gan_cli.settings import TrainConfig

LONG = 10**9  # steps: no run of a measurement reaches its end, where everything is written once more
KNOWN = {field.name for field in fields(TrainConfig)}


@dataclass(frozen=True)
class Case:
    """A set in a precision, on a number of threads and a device; more overrides for gan-cli alone."""

    one: Set
    data: Path
    folder: Path
    precision: str = "fp32"
    threads: int = 1
    device: str = "cpu"
    extra: tuple[str, ...] = ()

    def with_(self, *overrides: str) -> "Case":
        """The same with more overrides."""
        return replace(self, extra=(*self.extra, *overrides))

    def in_fp32(self) -> "Case":
        """The same as loops run it that know neither precisions nor memory formats."""
        plainly = {"channels_last": "false", "compile": "false"}
        return replace(self, precision="fp32", extra=tuple(f"train.{k}={v}" for k, v in plainly.items() if k in KNOWN))

    def overrides(self) -> list[str]:
        """What `gan-train` would be told."""
        one = self.one
        data = [f"dataset={one.dataset}", *([f"dataset.path='{self.data}'"] if one.dataset == "array" else [])]
        told = [*one.overrides, *data, f"train.batch_size={one.batch}", f"train.d_steps={one.d_steps}"]
        told += [f"train.steps={LONG}", f"train.threads={self.threads}", f"device={self.device}"]
        if self.precision != "fp32" or "precision" in KNOWN:
            told.append(f"train.precision={self.precision}")
        last = {text.partition("=")[0]: text for text in (*told, *self.extra)}  # a command line says a thing once
        return list(last.values())


def make_networks(overrides: list[str]) -> Run:
    """The same for the parts of it alone: float32 is multiplied by the library that PyTorch itself chooses."""
    switch = getattr(torch.backends.mkldnn, "matmul", None)
    before = getattr(switch, "fp32_precision", None)
    run = make(overrides)
    if switch is not None and before is not None:
        switch.fp32_precision = before
    return run


def make(overrides: list[str]) -> Run:
    """A run, built from the config that these overrides compose, as the command does."""
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        config = plain(compose("train", prepare(overrides, groups_below(CONF_DIR))))
    return build(*config, given={key_of(text) for text in overrides})
