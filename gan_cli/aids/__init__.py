"""What practice adds to the game: instance noise, label flips, differentiable augmentation, packing, top-k.

The first four change what D sees and is told; the last one which samples G learns from.
"""

from gan_cli.aids.aids import Aids as Aids
from gan_cli.aids.aids import pack as pack
from gan_cli.aids.augment import AUGMENTATIONS as AUGMENTATIONS
