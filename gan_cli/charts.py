"""The page that TensorBoard's Custom Scalars tab shows of a run: what belongs together in one chart."""

import re
from collections.abc import Iterable
from typing import Any

# Tags are regular expressions over what a run logs; a margin is a line and the two edges of a band.
CHARTS: dict[str, dict[str, list[Any]]] = {
    "GAN": {
        "losses of both players": ["Multiline", ["^loss/d$", "^loss/g$"]],
        "parts of D's loss": ["Multiline", ["^loss/d_"]],
        "D(x) and D(G(z))": ["Multiline", ["^prob/"]],
        "logits": ["Multiline", ["^logit/"]],
        "D's accuracy while training": ["Multiline", ["^accuracy/"]],
        "gradient norms": ["Multiline", ["^grad_norm/"]],
    },
    "Theory, on held-out data": {
        "JS in nats: 0 equal, log 2 separable": ["Multiline", ["^theory/js$"]],
        "total variation: 0 equal, 1 separable": ["Multiline", ["^theory/tv$"]],
        "triangular discrimination: 0 equal, 1 separable": ["Multiline", ["^theory/triangular$"]],
        "W1, at least: the critic's gap over its slope": ["Multiline", ["^theory/w1$"]],
        "the critic's gap and its largest slope": ["Multiline", ["^theory/(critic_gap|lipschitz)$"]],
        "relativistic gap: 0 equal, log 2 separable": ["Multiline", ["^theory/relativistic_gap$"]],
        "V(D, G) and its value at equilibrium, -log 4": ["Multiline", ["^theory/value"]],
        "D's accuracy and the band of a fair coin": [
            "Margin",
            ["theory/accuracy", "theory/accuracy_low", "theory/accuracy_high"],
        ],
        "pairs that D ranks right, and the band of one that cannot tell": [
            "Margin",
            ["theory/ranking", "theory/ranking_low", "theory/ranking_high"],
        ],
        "mean |D - D*|": ["Multiline", ["^theory/d_gap$"]],
        "balance: G's share of both gradients": ["Multiline", ["^theory/balance$"]],
        "pull on G: per sample, and on all together": ["Multiline", ["^theory/g_(slope|shift)$"]],
        "slope of G's loss at D(G(z)): 0 where it saturates": ["Multiline", ["^theory/g_pull$"]],
        "zero-sum gap": ["Multiline", ["^theory/zero_sum_gap$"]],
    },
    "Samples": {
        "variety, as a share of that of the data": ["Multiline", ["^samples/(distance|nearest)$"]],
        "energy distance from the data: 0 equal, 1 apart": ["Multiline", ["^samples/energy$"]],
        "modes found": ["Multiline", ["^samples/modes$"]],
        "share of samples of high quality": ["Multiline", ["^samples/quality$"]],
        "classes found": ["Multiline", ["^samples/classes$"]],
    },
    "Evaluation, with what real data score": {
        "Fréchet distance in Inception: FID": ["Multiline", ["^eval/fid"]],
        "Fréchet distance in a classifier: CFD": ["Multiline", ["^eval/cfd"]],
        "Fréchet distance of principal components": ["Multiline", ["^eval/pca_fd"]],
        "Fréchet distance of pixels": ["Multiline", ["^eval/raw_fd"]],
        "kernel distance": ["Multiline", ["^eval/kid"]],
        "precision and recall": ["Multiline", ["^eval/(precision|recall)"]],
        "density and coverage": ["Multiline", ["^eval/(density|coverage)"]],
        "classes that occur": ["Multiline", ["^eval/classes"]],
        "KL from the real classes, nats": ["Multiline", ["^eval/class_kl"]],
        "the classifier's confidence": ["Multiline", ["^eval/confidence"]],
        "stacked digits: modes of 1000": ["Multiline", ["^eval/stacked_modes"]],
        "stacked digits: KL to uniform, nats": ["Multiline", ["^eval/stacked_kl"]],
        "modes captured": ["Multiline", ["^eval/modes"]],
        "high quality, as a share": ["Multiline", ["^eval/hq"]],
        "KL from the real modes, nats": ["Multiline", ["^eval/reverse_kl"]],
        "spread within a mode: 1 is right": ["Multiline", ["^eval/std_ratio"]],
        "Wasserstein-1 distance": ["Multiline", ["^eval/w1"]],
        "energy distance": ["Multiline", ["^eval/energy"]],
        "nearer to training images than they should be": ["Multiline", ["^eval/memorised"]],
        "Parzen-window log-likelihood, nats": ["Multiline", ["^eval/parzen"]],
    },
    "Dirac-GAN": {"both parameters": ["Multiline", ["^dirac/"]]},
}


def layout(tags: Iterable[str]) -> dict[str, dict[str, list[Any]]]:
    """The charts of which a run logs something: an empty one would be a riddle.

    >>> layout(["loss/d"])
    {'GAN': {'losses of both players': ['Multiline', ['^loss/d$', '^loss/g$']]}}
    """
    tags = list(tags)

    def has(chart: list[Any]) -> bool:
        kind, patterns = chart
        if kind == "Margin":
            return patterns[0] in tags
        return any(re.search(pattern, tag) for pattern in patterns for tag in tags)

    kept = {title: {name: c for name, c in charts.items() if has(c)} for title, charts in CHARTS.items()}
    return {title: charts for title, charts in kept.items() if charts}
