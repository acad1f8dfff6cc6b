"""`python -m bench <what>`."""

import importlib
import sys

WHAT = {
    "peers": "gan-cli against a tutorial-style loop, other packages and the floor",
    "overhead": "everything around gan-cli's bare loop, as a share of it",
    "startup": "process start to the first step; --help and Tab",
    "scaling": "a step against batch, width, resolution, d_steps, data and threads",
    "devices": "several processes on one batch, and what it costs them to act together",
    "folders": "an image folder decoded once, the start after that, and the memory of both",
    "listing": "gan-runs over thousands of runs, beside a script of a few lines",
    "costs": "where a step spends its time, beside the floor",
    "kernels": "how fast the machine multiplies, in the shapes of real layers",
    "readouts": "the guard and the rows of figures, as a share of training",
    "checkpoints": "a checkpoint and its parts, as a share of training",
}


def main(arguments: list[str]) -> int:
    """Hand on to the subcommand."""
    if not arguments or arguments[0] not in WHAT:
        lines = [f"  {name:<12} {text}" for name, text in WHAT.items()]
        print("usage: python -m bench <what> [--help]", *lines, sep="\n", file=sys.stderr)
        return 2
    module = importlib.import_module(f"bench.{arguments[0]}")
    if arguments[1:] == ["--help"] and not hasattr(module, "argparse"):  # it takes overrides of gan-train
        print(module.__doc__)
        return 0
    module.main(arguments[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
