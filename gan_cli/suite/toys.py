"""Rows of points in the plane: about a minute a seed on one core."""

from gan_cli.suite.bands import Band
from gan_cli.suite.rows import Protocol, Published, Row, Variant

_GAN, _UNROLLED, _VEEGAN = "GAN (VEEGAN's paper)", "Unrolled GAN (VEEGAN's paper)", "VEEGAN"
RING_PAPERS = (
    Published(_GAN, {"modes": (1, None), "hq": (0.993, None)}),
    Published(_UNROLLED, {"modes": (7.6, None), "hq": (0.356, None)}),
    Published(_VEEGAN, {"modes": (8, None), "hq": (0.529, None)}),
)
GRID_PAPERS = (
    Published(_GAN, {"modes": (3.3, None), "hq": (0.005, None)}),
    Published(_UNROLLED, {"modes": (23.6, None), "hq": (0.16, None)}),
    Published(_VEEGAN, {"modes": (24.6, None), "hq": (0.40, None)}),
)
_SHOWN = ("modes", "hq", "reverse_kl", "std_ratio", "w1", "energy")
_PROTOCOL = Protocol(n_fake=2500)


def _of_the_ring(modes: int) -> tuple[Band, ...]:
    return (
        Band("modes", "every", modes, modes),
        Band("hq", "mean", 0.85),
        Band("reverse_kl", "median", high=0.01),
        Band("reverse_kl", "worst", high=0.1),
        Band("std_ratio", "every", 0.7, 1.2),
    )


RING = Row(
    name="ring",
    about="A ring of 8 Gaussians with our recipe",
    cost="a minute a seed",
    experiment="ring",
    seeds=10,
    minutes=1,
    bands=_of_the_ring(8),
    published=RING_PAPERS,
    shown=_SHOWN,
    protocol=_PROTOCOL,
)
GRID = Row(
    name="grid",
    about="A 5 x 5 grid of Gaussians with our recipe",
    cost="a minute a seed",
    experiment="grid",
    seeds=10,
    minutes=1,
    bands=(
        Band("modes", "every", 24),
        Band("modes", "mean", 24.8),
        Band("hq", "mean", 0.55),
        Band("reverse_kl", "worst", high=0.3),
    ),
    published=GRID_PAPERS,
    shown=_SHOWN,
    protocol=_PROTOCOL,
)


def _other(name: str, about: str, modes: int, *overrides: str, like: Row = RING) -> Row:
    """The same recipe, unchanged, on other data."""
    return Row(
        name=f"{like.name}_{name}",
        about=about,
        cost="a minute a seed",
        experiment=like.experiment,
        overrides=overrides,
        seeds=3,
        minutes=1,
        bands=_of_the_ring(modes) if like is RING else like.bands,
        shown=_SHOWN,
        protocol=_PROTOCOL,
    )


_OTHERS = (
    _other("of_12", "The ring's recipe on 12 modes", 12, "dataset.modes=12"),
    _other("wide", "The ring's recipe at five times the radius and width", 8, "dataset.radius=5", "dataset.std=0.05"),
    _other("elsewhere", "The ring's recipe turned and moved", 8, "dataset.rotation=20", "dataset.shift=[3,-2]"),
    _other("unequal", "The ring's recipe where half of the modes are three times as frequent", 8,
           "dataset.weights=[3,1,3,1,3,1,3,1]"),
    _other("turned", "The grid's recipe turned by 30 degrees", 25, "dataset.rotation=30", like=GRID),
)  # fmt: skip

# The ring's recipe without what holds D back. A D with Fourier features is then sure of everything, and G starves; the
# "plain" ones, whose D sees the places alone, tell how much the average and the falling learning rate do by themselves.
_FREE = ("penalty=none", "~penalty.gamma", "~penalty.gamma_final")
_SMOOTH = (*_FREE, "model.discriminator.fourier=0")
# The game as it was in 2014, but for Adam: no average, no schedule, points as they come.
_PLAIN = (
    *_SMOOTH,
    "model.standardise=false",
    "train.ema_half_life_images=null",
    "train.lr_schedule=constant",
    "optimizer.lr=1e-3",
    "optimizer.betas=[0.5,0.999]",
)
_CONTROLS = Row(
    name="ring_controls",
    about="Negative controls: the ring's recipe with older losses and without regularisation",
    cost="a minute a seed",
    experiment="ring",
    seeds=5,
    minutes=0.7,
    variants=(
        Variant("nonsaturating", ("loss=nonsaturating", *_FREE)),
        Variant("minimax", ("loss=minimax", *_FREE)),
        Variant("nonsaturating_no_fourier", ("loss=nonsaturating", *_SMOOTH)),
        Variant("minimax_no_fourier", ("loss=minimax", *_SMOOTH)),
        Variant("plain_game", ("loss=nonsaturating", *_PLAIN)),
    ),
    bands=(
        Band("modes", "mean", high=4, variant="nonsaturating"),
        Band("hq", "mean", high=0.1, variant="minimax"),
        Band("modes", "mean", high=7.9, variant="plain_game"),
    ),
    published=(
        Published(
            "GAN (PacGAN's paper)",
            {"modes": (6.3, 0.5), "hq": (0.982, 0.002), "reverse_kl": (0.45, 0.09)},
            "plain_game",
        ),
    ),
    shown=_SHOWN,
    protocol=_PROTOCOL,
)

TOYS = (RING, GRID, *_OTHERS, _CONTROLS)
