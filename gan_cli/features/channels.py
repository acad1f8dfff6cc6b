"""Three digits in one image: what a classifier of grey images reads in each channel."""

from collections.abc import Callable

from torch import Tensor

from gan_cli.features.space import Space


def channels(space: Space) -> Callable[[Tensor], Tensor]:
    """The class that a classifier of grey images [N, 1, H, W] gives to each channel of others.

    So are the modes of stacked MNIST counted since Metz et al. 2017 (arXiv:1611.02163, section 3.3.1): mode
    100 r + 10 g + b of labels r, g and b.

    Returns:
        A function of images, uint8 [N, C, H, W] to int64 [N, C].
    """

    def classes(images: Tensor) -> Tensor:
        grey = images.reshape(-1, 1, *images.shape[2:])
        logits = space(grey).logits
        assert logits is not None, f"{space.name} is no classifier"
        return logits.argmax(1).view(images.shape[:2])

    return classes
