"""What the reader of a report is to know, in sentences: what was left out, what cannot be compared, and how."""

from collections import Counter
from collections.abc import Sequence

from gan_cli.report.compare import ALL_PAIRS
from gan_cli.report.model import Comparison, Group, Metric, RunInfo


def equal_runs(groups: Sequence[Group]) -> list[str]:
    """Of runs of one configuration and one seed, whether they are equal: gan-train says they are, to the bit, on one
    machine with as many threads.
    """
    found = []
    for group in groups:
        seeds: dict[int, list[RunInfo]] = {}
        for run in group.runs:
            if run.seed is not None and run.status == "finished":
                seeds.setdefault(run.seed, []).append(run)
        for seed, runs in seeds.items():
            for run in runs[1:]:
                same = repr(run.values) == repr(runs[0].values)  # NaN is equal to NaN here
                how = "have the same figures, to the bit" if same else "do not have the same figures"
                why = "" if same else ": another machine, number of threads or version of torch"
                found.append(f"{runs[0].name} and {run.name} are of one configuration and seed {seed}, and {how}{why}.")
    return found[:20] + ([f"And {len(found) - 20:,} more such pairs."] if len(found) > 20 else [])


def notes(runs: Sequence[RunInfo], groups: Sequence[Group], unfinished: bool) -> list[str]:
    """On runs that are not in the figures, and on configurations that are not compared."""
    found = []
    unread = sum(run.group is None and run.status != "waiting" for run in runs)
    if unread:
        found.append(
            f"{unread} of {len(runs)} runs: no configuration can be read (failed before their first step, or "
            "damaged); they are in no figures."
        )
    ended = sum(run.status != "finished" for run in runs)
    if ended:
        how = "count with what they have (--unfinished)" if unfinished else "are not in the means"
        found.append(f"{ended} of {len(runs)} runs did not come to their end, and {how}.")
    if len({group.against for group in groups}) > 1:
        found.append(
            "Configurations with other data (dataset) or another number of samples (train.eval_samples) are measured "
            "against different things: they are not compared, and none is the best of all."
        )
    if len(groups) == 1:
        found.append("All runs have one configuration: no difference between them but their seeds.")
    return found


def same_z(runs: Sequence[RunInfo]) -> str:
    """Which grids show the same noise."""
    count = Counter(run.z for run in runs if run.z is not None and run.grids)
    shared = [z for z, n in count.items() if n > 1]
    if not count:
        return "There are no sample grids."
    if not shared:
        return "No two runs show the same z: their seeds or priors differ. At different steps each run shows its own z."
    told = "; ".join(shared[:5]) + (f" and {len(shared) - 5} more" if len(shared) > 5 else "")
    return (
        f"Grids of runs with the same seed and prior show the same z, at all steps: {told}. Runs of different seeds "
        "show different z. Of one z, two kinds of device (CPU, GPU) make different draws."
    )


def method(chosen: Sequence[Metric], groups: Sequence[Group], compared: Sequence[Comparison]) -> list[str]:
    """What the intervals and the tests are."""
    if not chosen:
        return []
    taken = sorted({metric.taken for metric in chosen})
    found = [
        f"Figures are {' or '.join(taken)}, of runs that finished; a seed counts once.",
        "Intervals hold the mean of a configuration over seeds in 95 of 100 cases (Student's t). With two or three "
        "runs they are wide because little is known, not because much is wrong.",
    ]
    if any(metric.taken.startswith("the best") for metric in chosen):
        found.append("The best of many evaluations is better than the run is: luck is part of it.")
    if compared:
        shown = "all pairs" if len(groups) <= ALL_PAIRS else "each configuration with the best one, or with the first"
        found.append(
            f"Differences are tested with Welch's t-test, two-sided at 5 %, {shown}; p is corrected by Holm over all "
            "pairs of a metric, and not over metrics. Where no run of either has any spread, an exact permutation test "
            "stands in. The runs that it would take are for 80 % power at the level that this correction leaves, if "
            "the difference and the spreads are as large as they look now. \"Not more than seed noise\" does not say "
            "that two configurations are equal: these runs do not show that they are not."
        )
    return found
