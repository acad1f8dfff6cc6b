"""What a run will log, and what its read-outs mean, for TensorBoard's pages."""

from collections.abc import Sequence
from inspect import cleandoc

from gan_cli import dirac
from gan_cli.evaluation import judge_of
from gan_cli.optimum import has_optimum
from gan_cli.pictures import judgements
from gan_cli.readouts import read_out, why_not
from gan_cli.run import Metrics, Run
from gan_cli.scores import PREFIX, SCORES

MEANINGS = {
    "theory/value": "V(D, G) = E log D(x) + E log(1 - D(G(z))), in nats.",
    "theory/value_at_equilibrium": "V where p_G = p and D is at its best: -log 4 = -1.386, unless labels are smoothed.",
    "theory/accuracy": "D's share of right answers. Of coins thrown as often, 95 % fall between `accuracy_low` and "
    "`accuracy_high`: in there it may be luck.",
    "theory/ranking": "the share of pairs, one real and one generated, in which D scores the real one higher: what "
    "it can tell whatever its threshold. Between `ranking_low` and `ranking_high` it may be luck.",
    "theory/w1": "the critic's gap over its largest slope seen: W1 is at least that, if no slope is larger.",
    "theory/balance": "G's share of both gradient norms: near 0 G starves, near 1 D has nothing left to learn.",
    "theory/g_pull": "the slope of G's loss by D's output, |dL_G/dD(G(z))|, its mean: 0 where the loss saturates.",
    "theory/g_slope": "how hard D's slope pulls a sample of G: the mean norm of the gradient of G's loss at it.",
    "theory/g_shift": "how hard it pulls all of them the same way: the norm of the mean gradient.",
    "theory/zero_sum_gap": "L_G + L_D without the part of real samples, a constant to G: 0 in a zero-sum game.",
    "theory/d_gap": "mean |D - D*| with D* = p / (p + q) known: see the picture `optimum`.",
}


def expected(run: Run) -> list[str]:
    """Names of what the run will log, to lay out its charts; one for each group that always comes together."""
    tags = ["loss/d", "loss/d_penalty", "logit/real", "grad_norm/d"]
    trained: Metrics = {"grad_norm/d": 0.0, "grad_norm/g": 0.0}
    tags += [*read_out(run, trained, most=4 * run.pack), *judgements(run), *dirac.figures(run)]
    if run.loss.probabilities:
        tags.append("prob/d_x")
    if "theory/accuracy" in tags:
        tags.append("accuracy/real")
    if has_optimum(run):
        tags.append("theory/d_gap")
    if run.cfg.eval_every is not None:
        tags += [PREFIX + name for name in judge_of(run).metrics]
    return tags


def guide(run: Run, tags: Sequence[str]) -> str:
    """What the read-outs of this run mean, for TensorBoard's Text tab: markdown.

    Args:
        tags: what it will log.
    """
    lines, seen = [], []
    if run.loss.divergence:
        about = cleandoc(type(run.loss).estimate.__doc__ or "").replace("\n", " ")
        reason = why_not(run)
        lines.append(f"- `theory/{run.loss.divergence}`: " + (f"n/a: {reason}." if reason else about))
    lines += [f"- `{tag}`: {meaning}" for tag, meaning in MEANINGS.items() if tag in tags]
    measured = {PREFIX + name: score for name, score in SCORES.items()}
    lines += [f"- `{tag}`: {score.means}; {score.better} is better." for tag, score in measured.items() if tag in tags]
    if run.aids.instance_noise:
        seen.append("instance noise: all read-outs are of p and p_G with the noise added, which are closer together")
    if run.aids.augment:
        seen.append("augmentation: all read-outs are of augmented data and samples, whose divergence is no larger")
    if run.pack > 1:
        seen.append(f"packs of {run.pack}: D tells p^{run.pack} from p_G^{run.pack}, whose divergence is larger")
    lines += [f"- D sees {what}." for what in seen]
    return "\n".join(["Judged on held-out data and fresh fakes:", "", *lines])
