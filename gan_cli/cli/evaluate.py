"""`gan-eval RUN`: what samples of a run are worth. Nothing here imports torch before there is something to measure."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_cli.cli.command import add_weights, as_command, at_least, new_parser, printable
from gan_cli.cli.imports import uncollected
from gan_cli.errors import ConfigError, RunError
from gan_cli.scores import SCORES

if TYPE_CHECKING:
    from gan_cli.evaluation import Options, Record
    from gan_cli.scoring import Scored

SPACES = ("auto", "inception", "classifier", "pca", "raw")

ABOUT = """\
Measure the samples of a run, or any samples, against real data.

Beside every figure stands its floor: what real data score in the samples' place, of as many. A distance in the features
of Inception 2015 is called fid; in those of a classifier that is trained on these data, cfd; in principal components,
pca_fd. None of them can be compared with another, nor across numbers of samples: gan-eval refuses to.

RUN is a run directory, finished or not, such as outputs/latest. Samples of other programs are folders of images, or
arrays of images or points: --fake and --real.
"""
METRICS = "\n".join(f"  {name:<14} {score.means} ({score.better} is better)" for name, score in SCORES.items())
MORE = f"""\
metrics:
{METRICS}

files in the run directory:
  evaluation/step-<step>-<weights>-<digest>.json          all figures, with all that it takes to compare them
  evaluation/step-<step>-<weights>-<digest>-nearest.png   the samples nearest to training images, above those
The same evaluation of the same run writes the same bytes again.

examples:
  gan-eval outputs/latest
  gan-eval outputs/latest --checkpoint best --first-seed 1 --seeds 5    not the seed that chose it
  gan-eval outputs/latest --features inception --metrics fid,kid -n 10000
  gan-eval outputs/latest --metrics +parzen
  gan-eval outputs/sweeps/*/*/ --metrics cfd,class_kl
  gan-eval --fake samples --real photos --size 32 --out figures.json
"""


def main(argv: Sequence[str] | None = None) -> None:
    """The console script."""
    parser = _parser()
    options = parser.parse_args(argv)
    given = (options.fake is not None, options.real is not None)
    if any(given) and (not all(given) or options.runs):
        parser.error("--fake and --real go together, and without RUN")
    if not any(given) and not options.runs:
        parser.error("give a run directory, such as outputs/latest, or --fake and --real")
    for name, of_files in (("out", True), ("size", True), ("label_key", True), ("at", False), ("ema", False)):
        if getattr(options, name) is not None and of_files is not all(given):
            flag = {"at": "--checkpoint", "ema": "--ema"}.get(name, f"--{name.replace('_', '-')}")
            parser.error(f"{flag} goes with {'--fake and --real' if of_files else 'RUN'}")
    with as_command():
        _files(options) if all(given) else _runs(options)


def _parser() -> ArgumentParser:
    parser = new_parser("gan-eval", ABOUT, MORE)
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="*", help="run directories; several make one table")
    parser.add_argument(
        "--metrics",
        type=lambda text: text.split(","),
        metavar="M[,M...]",
        help="which (default: those that suit the data); +M: those and M",
    )
    parser.add_argument(
        "--features",
        choices=SPACES,
        default="auto",
        help="space of images (default: a classifier's for labelled data, else principal components)",
    )
    parser.add_argument(
        "--inception-weights", type=Path, metavar="PATH", help="the published ones (default: torch's, else fetched)"
    )
    parser.add_argument(
        "-n",
        "--number",
        type=at_least(2),
        metavar="N",
        help="samples for each seed (default: as many as real ones; 26,000 stacked digits, 2,500 draws of a density)",
    )
    parser.add_argument("--n-real", type=at_least(2), metavar="N", help="real ones (default: all, 10,000 at most)")
    parser.add_argument("--split", choices=("auto", "train", "test"), default="auto", help="of the real ones (auto)")
    parser.add_argument(
        "--definition", choices=("veegan", "pacgan"), default="veegan", help="of modes and high quality (veegan)"
    )
    parser.add_argument("--seeds", type=at_least(1), default=1, metavar="K", help="how many, for a mean and std (1)")
    parser.add_argument(
        "--first-seed", type=at_least(0), default=0, metavar="S", help="seeds S to S + K - 1 (0, which training takes)"
    )
    add_weights(parser)
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, ... (auto)")
    parser.add_argument("--json", action="store_true", help="print the record for other programs; several runs: a list")
    parser.add_argument("--trust", action="store_true", help="run code outside gan_cli that the run's config names")
    files = parser.add_argument_group("samples of any program")
    files.add_argument("--fake", type=Path, metavar="PATH", help="a folder of images, or an .npy, .npz or .pt file")
    files.add_argument("--real", type=Path, metavar="PATH", help="the same of real ones")
    files.add_argument("--label-key", metavar="KEY", help="of the labels in an .npz or .pt file of real ones")
    files.add_argument("--size", type=at_least(1), metavar="S", help="scale the centre squares of all images to it")
    files.add_argument("--out", type=Path, metavar="FILE", help="write the record there as JSON")
    return parser


def _runs(options: Namespace) -> None:
    if options.trust:
        sys.path.append(os.getcwd())  # a console script does not find the modules beside it by itself
    with uncollected():
        from gan_cli.evaluation.compare import refuse_incomparable
        from gan_cli.scoring import of_run

    names = {str(path): path for path in options.runs}
    found = {}
    for name, path in names.items():
        found[name] = of_run(path, _how(options), averaged=options.ema, at=options.at, trust=options.trust, say=_say)
    records = {name: scored.record for name, scored in found.items()}
    if len(records) > 1:
        refuse_incomparable(records)
    _show(found, options.json)
    for scored in found.values():
        if scored.unwritten is not None:  # of somebody else's run, say: what took minutes is shown all the same
            raise scored.unwritten


def _show(found: Mapping[str, Scored], as_json: bool) -> None:
    records = {name: scored.record for name, scored in found.items()}
    if as_json:
        plain = [{"run": name} | record.plain() for name, record in records.items()]
        print(json.dumps(plain if len(plain) > 1 else next(iter(records.values())).plain(), indent=2))
        return
    from gan_cli.cli.evaluate_table import one, several

    if len(records) > 1:
        print(several({printable(name): record for name, record in records.items()}))
        return
    (name, scored), *_ = found.items()
    written = {what: str(_shorter(path)) for what, path in scored.written.items()}
    print(one(printable(name), scored.record, written))


def _files(options: Namespace) -> None:
    if options.out is not None and not os.path.isdir(options.out.absolute().parent):
        raise RunError(f"--out: there is no directory {str(options.out.parent)!r}")
    with uncollected():
        from gan_cli.cli.evaluate_table import one
        from gan_cli.evaluation.files import of_files
        from gan_cli.files import write_json

    how = {"size": options.size, "label_key": options.label_key}
    record: Record = of_files(options.fake, options.real, _how(options), say=_say, **how)
    if options.out is not None:
        write_json(options.out, record.plain())
    if options.json:
        print(json.dumps(record.plain(), indent=2))
        return
    written = {} if options.out is None else {"record": str(options.out)}
    print(one(printable(str(options.fake)), record, written))


def _how(options: Namespace) -> Options:
    from gan_cli.evaluation import Options
    from gan_cli.placement import pick_device

    try:
        return Options(
            options.metrics or (),
            options.features,
            options.inception_weights,
            options.number,
            options.n_real,
            options.split,
            options.definition,
            options.seeds,
            str(pick_device(options.device)),
            first_seed=options.first_seed,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _say(line: str) -> None:
    print(printable(line), file=sys.stderr)


def _shorter(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


if __name__ == "__main__":
    main()
