"""Fashion-MNIST: as small as MNIST, and harder."""

from typing import ClassVar

from gan_cli.data.mnist import MNIST


class FashionMNIST(MNIST):
    """Zalando's articles in MNIST's format, 60000 to train and 10000 to test (Xiao et al. 2017, arXiv:1708.07747).

    Looked for in `root`/FashionMNIST/raw, then where the system installs data sets, then downloaded. The arguments are
    MNIST's; classes are also known by name, such as Sneaker.
    """

    title = "FashionMNIST"
    system_folder = "fashion-mnist"
    names = (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    )
    digests: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    }
