"""What is learned: finite sources, densities with a known p(x), and the endless stream of their batches."""

from gan_cli.data.array import Array
from gan_cli.data.cifar import CIFAR10
from gan_cli.data.digits import Digits
from gan_cli.data.examples import Density, Examples, Source
from gan_cli.data.fashion_mnist import FashionMNIST
from gan_cli.data.folder import Folder
from gan_cli.data.gaussian import Gaussian
from gan_cli.data.grid import Grid
from gan_cli.data.mnist import MNIST
from gan_cli.data.point import Point
from gan_cli.data.ring import Ring
from gan_cli.data.spiral import Spiral
from gan_cli.data.stacked import StackedDigits, StackedMNIST
from gan_cli.data.stream import Stream

__all__ = [
    "CIFAR10",
    "MNIST",
    "Array",
    "Density",
    "Digits",
    "Examples",
    "FashionMNIST",
    "Folder",
    "Gaussian",
    "Grid",
    "Point",
    "Ring",
    "Source",
    "Spiral",
    "StackedDigits",
    "StackedMNIST",
    "Stream",
]
