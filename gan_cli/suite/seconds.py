"""Rows that train nothing, or hardly: theory held against the project's own code.

Numbers of theory are computed: in closed form, by quadrature, or by the maps of docs/theory.md in plain numbers.
"""

from collections.abc import Iterator, Mapping

from gan_cli.suite.bands import Band
from gan_cli.suite.rows import Compute, Published, Reading, Row, Variant

_EIGENVALUES = {  # of the gradient field at (0, 0): the larger real part, the larger imaginary part
    "minimax": (0.0, 0.5),
    "nonsaturating": (0.0, 0.5),
    "relativistic": (0.0, 0.5),
    "wasserstein": (0.0, 1.0),
    "hinge": (0.0, 1.0),
    "r1_0.3": (-0.15, 0.4770),
    "r1_1": (-0.5, 0.0),
    "r1_2": (-0.1340, 0.0),
    "r1r2_0.5": (-0.5, 0.0),
}
_DISTANCES = {  # after 500 steps, both players at once and G first: the number, and how far off
    "minimax": ((3.35, 0.005), (1.50, 0.006)),
    "nonsaturating": ((0.640, 5e-4), (0.271, 5e-4)),
    "relativistic": ((0.640, 5e-4), (0.271, 5e-4)),
    "wasserstein": ((2.56e4, 50), (1.434, 5e-4)),
    "hinge": ((1.40, 0.1), (1.434, 5e-4)),  # both at once: rounding decides at which step D is let go
    "wgan_gp": ((1.76, 0.005), (1.28, 0.005)),
    "r1_0.3": ((3.2e-6, 6e-8), (2.5e-7, 6e-9)),
    "r1_1": ((0.0, 1e-20), (1.6e-16, 1e-17)),
    "r1_2": ((0.0, 1e-5), (0.0, 1e-5)),  # a factor of 0.9732 a step
    "r1r2_0.5": ((0.0, 1e-20), (1.6e-16, 1e-17)),
}
_GAUSSIAN = {  # of the optimal D; data N(0, 1), samples N(mu, 1)
    0: (-1.3863, 0.0000, 0.5000, 0.5000, 0.0000, 0.0000),
    0.5: (-1.3257, 0.0303, 0.5987, 0.4705, 0.2353, 0.2647),
    1: (-1.1635, 0.1114, 0.6915, 0.3980, 0.3980, 0.6020),
    2: (-0.7126, 0.3368, 0.8413, 0.2248, 0.4496, 1.5504),
    3: (-0.3327, 0.5268, 0.9332, 0.0986, 0.2959, 2.7041),
    4: (-0.1209, 0.6327, 0.9772, 0.0343, 0.1372, 3.8628),
    8: (-0.0002, 0.6931, 1.0000, 0.0000, 0.0004, 7.9996),
}
_OF_D = ("value", "js", "accuracy", "d_g_z", "slope_minimax", "slope_nonsaturating")
_HALF_A_DIGIT = 5.1e-5  # of four


def _game(name: str) -> Compute:
    def figures(seed: int) -> Mapping[str, Reading]:
        from gan_cli.suite.games import GAMES  # torch comes in here, and not where the suite is listed

        return GAMES[name](seed)

    return figures


def _oracle(name: str, *what: float) -> Compute:
    def figures(seed: int) -> Mapping[str, Reading]:
        from gan_cli.suite.oracles import ORACLES

        return ORACLES[name](*what, seed)

    return figures


def _around(variant: str, metric: str, value: float, by: float, statistic: str = "every") -> Band:
    return Band(metric, statistic, value - by, value + by, variant)  # type: ignore[arg-type]


def _of_games() -> Iterator[tuple[Published, tuple[Band, ...]]]:
    """What theory says of each game, and the bands around it."""
    for name, ends in _DISTANCES.items():
        wanted: dict[str, tuple[float, float]] = {}
        if name in _EIGENVALUES:
            real, imag = _EIGENVALUES[name]
            wanted = {"eigenvalue_real": (real, _HALF_A_DIGIT), "eigenvalue_imag": (imag, _HALF_A_DIGIT)}
        wanted |= {f"distance_{order}": end for order, end in zip(("simultaneous", "g_first"), ends, strict=True)}
        told = {metric: (value, None) for metric, (value, _) in wanted.items()}
        yield Published("theory", told, name), tuple(_around(name, m, *around) for m, around in wanted.items())


def _dirac() -> Row:
    published, bands = zip(*_of_games(), strict=True)
    return Row(
        name="dirac",
        about="Dirac-GANs (Mescheder et al. 2018): eigenvalues at the equilibrium, distance from it after 500 steps",
        cost="seconds",
        variants=tuple(Variant(name, compute=_game(name)) for name in _DISTANCES),
        bands=sum(bands, ()),
        published=tuple(published),
        shown=("distance_alternating",),
        minutes=0.05,
    )


def _gaussian(trained: bool) -> Row:
    shifts = [mu for mu in _GAUSSIAN if not trained or 0.5 <= mu <= 4]  # further out nothing tells D its slope
    told: dict[str, Mapping[str, tuple[float, float | None]]] = {}
    bands: list[Band] = []
    for mu in shifts:
        variant = f"mu_{mu:g}"
        told[variant] = {metric: (value, None) for metric, value in zip(_OF_D, _GAUSSIAN[mu], strict=True)}
        for metric, (value, _) in told[variant].items():
            near = 0.03 * value if metric.startswith("slope") else 0.01  # 2.8 % was the worst of 150 D
            bands.append(_around(variant, metric, value, near if trained else _HALF_A_DIGIT))
    name = "gaussian_trained" if trained else "gaussian"
    return Row(
        name=name,
        about=f"What {'a trained' if trained else 'the optimal'} D says of N(0, 1) and N(mu, 1)",
        cost="seconds",
        variants=tuple(Variant(f"mu_{mu:g}", compute=_oracle(name, mu)) for mu in shifts),
        bands=tuple(bands),
        published=tuple(Published("theory", figures, variant) for variant, figures in told.items()),
        seeds=3 if trained else None,
        minutes=0.05 if trained else 0.01,
    )


def _mixture(name: str, number: int, kl: float, kl_off: float) -> Row:
    """Of the means of ten seeds: 2,500 samples have HQ 98.89 +- 0.21 % and a reverse KL of (number - 1) / 5000."""
    told = {"modes": (number, None), "hq": (0.9889, 0.0021), "reverse_kl": (kl, None), "std_ratio": (1.0, None)}
    kinds = ("data", "means_alone")
    return Row(
        name=f"{name}_oracle",
        about=f"The {name} itself as a generator, and one that returns the exact means and nothing around them",
        cost="seconds",
        seeds=10,
        variants=tuple(Variant(kind, compute=_oracle(f"{name}_{kind}")) for kind in kinds),
        bands=(
            Band("modes", "every", number, number),
            _around("data", "hq", 0.9889, 0.003, "mean"),
            _around("data", "reverse_kl", kl, kl_off, "mean"),
            _around("data", "std_ratio", 1.0, 0.05),
            Band("hq", "every", 1.0, 1.0, "means_alone"),
            Band("reverse_kl", "every", 0.0, 1e-4, "means_alone"),
            Band("std_ratio", "every", 0.0, 1e-3, "means_alone"),  # which gives it away
        ),
        published=(Published("theory", told, "data"),),
        minutes=0.01,
    )


_STACKED = Row(
    name="stacked_oracle",
    about="Stacked MNIST itself as a generator: 26,000 triples of digits",
    cost="seconds",
    seeds=10,
    variants=(Variant("data", compute=_oracle("stacked_mnist")),),
    bands=(Band("stacked_modes", "every", 1000, 1000), _around("data", "stacked_kl", 0.0237, 0.001, "mean")),
    published=(Published("theory", {"stacked_modes": (1000, None), "stacked_kl": (0.0237, None)}, "data"),),
    minutes=0.01,
)

SECONDS = (
    _dirac(),
    _gaussian(trained=False),
    _gaussian(trained=True),
    _mixture("ring", 8, 0.0014, 0.0008),
    _mixture("grid", 25, 0.0048, 0.0015),
    _STACKED,
)
