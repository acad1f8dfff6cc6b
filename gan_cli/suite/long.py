"""Rows of hours on a CPU, or of a GPU: the papers' own protocols. All of them go on where they were stopped."""

from collections.abc import Mapping, Sequence

from gan_cli.suite.bands import Band
from gan_cli.suite.rows import Protocol, Published, Row, Variant
from gan_cli.suite.toys import GRID_PAPERS, RING_PAPERS

_PACGAN = Protocol(n_fake=2500, definition="pacgan")
_FID_10K = Protocol(n_fake=10_000, n_real=10_000, space="inception", split="test")
_FID_50K = Protocol(n_fake=50_000, n_real=50_000, space="inception", split="train")


def _packing(
    name: str, papers: tuple[Published, ...], rows: Mapping[str, Sequence[tuple[float, float]]], bands: tuple[Band, ...]
) -> Row:
    """PacGAN's section 4.1: packing finds more modes than the plain GAN does."""
    published = tuple(
        Published("PacGAN's paper", dict(zip(("modes", "hq", "reverse_kl"), figures, strict=True)), variant)
        for variant, figures in rows.items()
    )
    return Row(
        name=f"pacgan_{name}",
        about=f"PacGAN's protocol on the {name}: 400,000 iterations, packing of 1, 2 and 4",
        cost="hours",
        experiment=f"pacgan_{name}",
        seeds=10,
        minutes=60,
        variants=tuple(Variant(f"pack_{n}", (f"model.pack={n}", f"train.batch_size={100 * n}")) for n in (1, 2, 4)),
        bands=bands,
        published=(*papers, *published),
        shown=("modes", "hq", "reverse_kl", "std_ratio"),
        protocol=_PACGAN,
    )


_PACGAN_RING = {
    "pack_1": ((6.3, 0.5), (0.982, 0.002), (0.45, 0.09)),
    "pack_2": ((7.9, 0.1), (0.956, 0.020), (0.07, 0.03)),
    "pack_4": ((7.8, 0.1), (0.959, 0.014), (0.07, 0.02)),
}
_PACGAN_GRID = {
    "pack_1": ((17.3, 0.8), (0.948, 0.007), (0.70, 0.07)),
    "pack_2": ((23.8, 0.7), (0.913, 0.008), (0.13, 0.04)),
    "pack_4": ((24.8, 0.2), (0.936, 0.006), (0.04, 0.01)),
}

_BETAS = "optimizer.betas=[.5,.999]"
_LUCIC = {  # Lucic et al. 2018: the defaults of each loss, and FID of the best of 100 settings: MNIST, Fashion-MNIST
    "ns": ((), (6.8, 0.5), (26.5, 1.6)),
    "mm": (("loss=minimax",), (9.8, 0.9), (29.6, 1.6)),
    "lsgan": (("loss=least_squares", "optimizer.lr=2e-4", _BETAS), (7.8, 0.6), (30.7, 2.2)),
    "wgan": (("loss=wasserstein", "penalty=clip", "train.steps=3125", _BETAS), (6.7, 0.4), (21.5, 1.6)),
    "wgan_gp": (
        ("loss=wgan_gp", "penalty=gp", "train.steps=3125", "optimizer.lr=1e-4", _BETAS),
        (20.3, 5.0),
        (24.5, 2.1),
    ),
}


def _lucic(data: str, which: int) -> Row:
    return Row(
        name=f"lucic_{data}",
        about=f"Lucic et al. 2018 on {('MNIST', 'Fashion-MNIST')[which]}: InfoGAN's networks, 15,625 steps",
        cost="hours",
        experiment=f"lucic_{data}_ns",
        seeds=3,
        minutes=120,
        variants=tuple(Variant(name, overrides) for name, (overrides, *_) in _LUCIC.items()),
        bands=(Band("fid", "mean", high=20 if data == "mnist" else 50, variant="ns"),),
        published=(
            *(
                Published("best of 100 settings", {"fid": fids[which]}, name)
                for name, (_, *fids) in _LUCIC.items()
            ),
            Published("authors' defaults", {"fid": ((10.0, 32.0)[which], None)}, "ns"),
        ),
        shown=("fid", "cfd", "classes", "class_kl"),
        protocol=_FID_10K,
    )


LONG = (
    _packing(
        "ring",
        RING_PAPERS,
        _PACGAN_RING,
        (
            Band("modes", "mean", 7.4, variant="pack_2"),
            Band("modes", "mean", 7.4, variant="pack_4"),
            Band("modes", "mean", 0.5, variant="pack_2", minus="pack_1"),
        ),
    ),
    _packing(
        "grid",
        GRID_PAPERS,
        _PACGAN_GRID,
        (
            Band("modes", "mean", 22, variant="pack_2"),
            Band("modes", "mean", 24, variant="pack_4"),
            Band("modes", "mean", 2, variant="pack_2", minus="pack_1"),
        ),
    ),
    Row(
        name="goodfellow_2014_mnist",
        about="Goodfellow et al. 2014 on MNIST: MLPs, Parzen-window log-likelihood (historic; real images score 242.7)",
        cost="hours",
        experiment="goodfellow_2014_mnist",
        seeds=1,
        minutes=240,
        bands=(Band("parzen", "mean", 205, 240),),
        published=(Published("Goodfellow et al. 2014", {"parzen": (225, 2)}),),
        shown=("parzen", "cfd", "classes", "class_kl"),
        protocol=Protocol(n_fake=10_000, space="classifier", metrics=("+parzen",)),
    ),
    _lucic("mnist", 0),
    _lucic("fashion", 1),
    Row(
        name="stacked_mnist_r3gan",
        about="R3GAN's small network on stacked MNIST: the relativistic loss with R1 and R2 against others",
        cost="GPU",
        experiment="stacked_mnist_r3gan",
        seeds=1,
        minutes=60,
        variants=(Variant("r3gan"), Variant("gan_r1r2", ("loss=nonsaturating", "penalty=r1r2"))),
        bands=(
            Band("stacked_modes", "mean", 990, variant="r3gan"),
            Band("stacked_kl", "mean", high=0.2, variant="r3gan"),
            Band("stacked_modes", "mean", low=0, variant="r3gan", minus="gan_r1r2"),
        ),
        published=(
            Published("Huang et al. 2024", {"stacked_modes": (1000, None), "stacked_kl": (0.078, None)}, "r3gan"),
            Published("Huang et al. 2024", {"stacked_modes": (693, None), "stacked_kl": (0.93, None)}, "gan_r1r2"),
        ),
        protocol=Protocol(n_fake=26_000, space="classifier"),
    ),
    Row(
        name="stacked_mnist_pacdcgan",
        about="PacDCGAN on stacked MNIST: packing of 1 and 2, 100,000 iterations",
        cost="GPU",
        experiment="stacked_mnist_pacdcgan",
        seeds=1,
        minutes=60,
        variants=tuple(Variant(f"pack_{n}", (f"model.pack={n}", f"train.batch_size={64 * n}")) for n in (1, 2)),
        bands=(
            Band("stacked_modes", "mean", 980, variant="pack_2"),
            Band("stacked_modes", "mean", low=100, variant="pack_2", minus="pack_1"),
        ),
        published=(
            Published("PacGAN's paper, DCGAN", {"stacked_modes": (78.9, 6.5), "stacked_kl": (4.50, None)}, "pack_1"),
            Published("VEEGAN's paper, DCGAN", {"stacked_modes": (99, None), "stacked_kl": (3.4, None)}, "pack_1"),
            Published("PacGAN's paper", {"stacked_modes": (1000, None), "stacked_kl": (0.06, 0.003)}, "pack_2"),
        ),
        protocol=Protocol(n_fake=26_000, space="classifier"),
    ),
    Row(
        name="sndcgan_cifar10",
        about="SNDCGAN on CIFAR-10: 200,000 steps, with and without the spectral norm",
        cost="GPU",
        experiment="sndcgan_cifar10",
        seeds=1,
        minutes=180,
        variants=(Variant("spectral_norm"), Variant("none", ("model.spectral_norm=false",))),
        bands=(
            Band("fid", "mean", 22, 30, "spectral_norm"),
            Band("fid", "mean", low=0, variant="none", minus="spectral_norm"),
        ),
        published=(
            Published("Kurach et al. 2019", {"fid": (25.27, None)}, "spectral_norm"),
            Published("Kurach et al. 2019", {"fid": (28.66, None)}, "none"),
        ),
        protocol=_FID_10K,
    ),
    Row(
        name="wgan_gp_cifar10",
        about="WGAN-GP with mimicry's residual networks on CIFAR-10: 100,000 steps",
        cost="GPU",
        experiment="wgan_gp_cifar10",
        seeds=1,
        minutes=300,
        bands=(Band("fid", "mean", 18, 26),),
        published=(Published("mimicry", {"fid": (22.29, None)}),),
        protocol=_FID_50K,
    ),
)
