"""The shapes that the families of image networks take, and what they say of others."""

from collections.abc import Sequence


def image_side(family: str, shape: Sequence[int], sizes: Sequence[int]) -> int:
    """The side of the images, where the family has it among its sizes.

    Args:
        shape: of a sample, [C, H, W]. Any number of channels: a D that sees packs of samples has those of all.

    Raises:
        ValueError: no images, or not of such a side.
    """
    if len(shape) != 3:
        raise ValueError(f"{family} makes images, and the data set gives points of {shape[0]} numbers; use model=mlp")
    channels, height, width = shape
    if height != width or height not in sizes:
        larger = next((size for size in sizes if size >= max(height, width)), sizes[-1])
        raise ValueError(
            f"{family} needs square images of {', '.join(map(str, sizes[:-1]))} or {sizes[-1]} pixels; "
            f"the data set gives {channels} x {height} x {width}. Try dataset.size={larger}, or model=mlp"
        )
    return height


def image_channels(family: str, shape: Sequence[int]) -> int:
    """The channels that a generator makes.

    Raises:
        ValueError: not 1 to 4.
    """
    if not 1 <= shape[0] <= 4:
        raise ValueError(f"{family} makes images of 1 to 4 channels; the data set gives {shape[0]}. Try model=mlp")
    return shape[0]


def smallest_side(side: int) -> int:
    """The side of the smallest feature map: 7 for 28 pixels, 6 for 48, and 4 for the powers of two.

    >>> [smallest_side(side) for side in (8, 28, 48, 128)]
    [4, 7, 6, 4]
    """
    while side % 2 == 0 and side > 7:
        side //= 2
    return side


def doublings(side: int) -> int:
    """How often the smallest feature map is doubled to give the image.

    >>> [doublings(side) for side in (8, 28, 48, 128)]
    [1, 2, 3, 5]
    """
    return (side // smallest_side(side)).bit_length() - 1
