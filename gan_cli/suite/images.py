"""Rows of images that take minutes on a CPU."""

from gan_cli.suite.bands import Band
from gan_cli.suite.rows import Protocol, Row, Variant

_SHOWN = ("cfd", "classes", "class_kl", "confidence", "precision", "recall", "density", "coverage", "memorised")
_OFFLINE = Protocol(space="classifier")
_DIGITS = Protocol(space="classifier", seeds=5)  # one split of 898 against 898 has a floor that is noise: 2 to 7
_TEN_CLASSES = (Band("classes", "every", 10, 10), Band("class_kl", "mean", high=0.05))


def _comparison(name: str, about: str, minutes: float, *variants: Variant, bands: tuple[Band, ...] = ()) -> Row:
    """On the digits: what a choice does, all else equal."""
    return Row(
        name=f"digits_{name}",
        about=about,
        cost="minutes",
        experiment="default",
        seeds=3,
        minutes=minutes,
        variants=variants,
        bands=bands,
        shown=_SHOWN,
        protocol=_DIGITS,
    )


def _dcgan(name: str, data: str) -> Row:
    return Row(
        name=name,
        about=f"DCGAN on {data} at 32 pixels",
        cost="minutes",
        experiment=name,
        seeds=3,
        minutes=12,
        bands=_TEN_CLASSES,
        shown=_SHOWN,
        protocol=_OFFLINE,
    )


IMAGES = (
    Row(
        name="digits",
        about="The main job: DCGAN on 1,797 digits at 16 pixels",
        cost="minutes",
        experiment="default",
        seeds=3,
        minutes=1.5,
        bands=_TEN_CLASSES,
        shown=_SHOWN,
        protocol=_DIGITS,
    ),
    _dcgan("dcgan_mnist", "MNIST"),
    _dcgan("dcgan_fashion", "Fashion-MNIST"),
    Row(
        name="wgan_gp_fashion",
        about="WGAN-GP on Fashion-MNIST at 32 pixels",
        cost="minutes",
        experiment="wgan_gp_fashion",
        seeds=3,
        minutes=10,
        bands=(Band("classes", "every", 10, 10),),
        shown=_SHOWN,
        protocol=_OFFLINE,
    ),
    _comparison(
        "losses",
        "Minimax against non-saturating, on the digits",
        1.5,
        Variant("nonsaturating", ("loss=nonsaturating", "penalty=none")),
        Variant("minimax", ("loss=minimax", "penalty=none")),
    ),
    _comparison(
        "priors",
        "Normal against uniform noise, on the digits",
        1.5,
        Variant("normal", ("prior=normal",)),
        Variant("uniform", ("prior=uniform",)),
    ),
    _comparison(
        "noise",
        "2, 10 and 100 numbers of noise, on the digits",
        1.5,
        *(Variant(f"dim_{dim}", (f"prior.dim={dim}",)) for dim in (2, 10, 100)),
    ),
    Row(
        name="digits_packing",
        about="PacGAN's packing on stacked digits, 1000 modes small enough for a CPU",
        cost="minutes",
        experiment="default",
        overrides=("dataset=stacked_digits", "penalty=none"),
        seeds=3,
        minutes=4,
        variants=tuple(Variant(f"pack_{n}", (f"model.pack={n}", f"train.batch_size={32 * n}")) for n in (1, 2)),
        shown=("stacked_modes", "stacked_kl", "confidence"),
        protocol=Protocol(n_fake=26_000, space="classifier"),
    ),
)
