"""`gan-probe RUN`: is D's 50 % an equilibrium or a weak D's? Nothing here imports torch before there is a run."""

from __future__ import annotations

import math
import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gan_cli.cli.command import as_command, at_least, new_parser, printable
from gan_cli.cli.imports import uncollected
from gan_cli.errors import RunError
from gan_cli.reading import is_directory

STEPS = 1000

ABOUT = """\
Say whether D's 50 % in a run means equilibrium or a weak D.

Takes the newest checkpoint and trains other players of the run's own kind against its frozen ones, from fresh weights
and from the run's own: what they gain over the run's players is the duality gap (Grnarova et al. 2019), 0 at an
equilibrium only. All are judged on held-out data and new fakes. The run directory stays as it is.
"""
EXAMPLES = """\
examples:
  gan-probe outputs/latest                     a minute for the default run
  gan-probe outputs/latest --steps 5000        a harder look
  gan-probe outputs/latest --out probe.json    the figures for other programs

exit codes: 0 whatever the verdict; 2 arguments or config, 3 not finite, 4 data, 5 no run or no whole checkpoint
"""


def main(argv: Sequence[str] | None = None) -> None:
    """The console script."""
    parser = new_parser("gan-probe", ABOUT, EXAMPLES)
    parser.add_argument("run", metavar="RUN", type=Path, help="a run directory, such as outputs/latest")
    parser.add_argument("--steps", type=at_least(1), default=STEPS, metavar="N", help=f"of each player ({STEPS})")
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="S", help="of weights, data order, noise (0)")
    parser.add_argument("--batch-size", type=at_least(1), metavar="N", help="(the run's)")
    parser.add_argument("--lr", type=_positive, metavar="X", help="of both players (the run's own)")
    parser.add_argument("--device", metavar="D", help="auto, cpu, cuda, ... (the run's)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write all figures there as JSON")
    parser.add_argument("--trust", action="store_true", help="run code outside gan_cli that the run's config names")
    options = parser.parse_args(argv)
    with as_command():
        if options.out is not None and not os.path.isdir(options.out.absolute().parent):
            raise RunError(f"--out: there is no directory {str(options.out.parent)!r}")
        given = {"batch_size": options.batch_size, "lr": options.lr, "device": options.device}
        _probe(options.run, options.steps, options.seed, given, options.out, options.trust)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ArgumentTypeError(f"must be a number, got {text!r}") from None
    if not 0 < value < math.inf:
        raise ArgumentTypeError(f"must be above 0, got {text}")
    return value


def _probe(path: Path, steps: int, seed: int, given: dict[str, Any], out: Path | None, trust: bool) -> None:
    if not is_directory(path):
        raise RunError(f"there is no directory {str(path)!r}; gan-runs lists the runs")
    if not (path / "config.yaml").is_file():
        raise RunError(f"{str(path)!r} holds no run (no config.yaml); gan-runs lists the runs there are")
    if trust:
        sys.path.append(os.getcwd())  # a console script does not find the modules beside it by itself
    with uncollected():
        from gan_cli.checkpoint import load_newest  # torch comes in here
        from gan_cli.cli.verdict import plain, screen
        from gan_cli.files import write_json
        from gan_cli.paths import real_run
        from gan_cli.probe import probe
        from gan_cli.stored import stored_config, tame, weights_limit

    directory = real_run(path)
    config = tame(stored_config(directory, trust, "add --trust"), (), trust)
    room = weights_limit(directory, trust)
    state = load_newest(
        directory / "checkpoints",
        lambda line: print(printable(line), file=sys.stderr),
        {"format", "step", "G", "D"},
        None if room is None else 2 * room,
    )
    found = probe(_changed(config, given), state, steps, seed, _bar, room)
    print(screen(found, printable(str(path)), state["step"], steps, config))
    if out is not None:
        about = {"run": str(directory), "step": state["step"], "steps": steps, "seed": seed}
        write_json(out, about | {key: value for key, value in given.items() if value is not None} | plain(found))


def _changed(config: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The config with what the command line says otherwise; where a part is missing, the builder says so."""
    if given["device"] is not None:
        config["device"] = given["device"]
    if given["batch_size"] is not None and isinstance(config.get("train"), dict):
        config["train"]["batch_size"] = given["batch_size"]
    optimizers = config.get("optimizer")
    for node in optimizers.values() if isinstance(optimizers, dict) else ():
        if given["lr"] is not None and isinstance(node, dict):  # a player's; what both share is resolved already
            node["lr"] = given["lr"]
    return config


def _bar(name: str, steps: int) -> Iterable[int]:
    """A bar for each training, on a terminal."""
    from rich.console import Console
    from rich.progress import track

    errors = Console(stderr=True)
    return track(range(steps), name, console=errors, transient=True, disable=not errors.is_terminal)


if __name__ == "__main__":
    main()
