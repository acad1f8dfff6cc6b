"""GANs of one and two dimensions: samples, densities and what the discriminator thinks of each place.

Everything has a fixed place, so that the pictures of a run, one after the other, make a film that does not jump.
"""

from gan_cli.plots.line import densities as densities
from gan_cli.plots.optimum import Opinion as Opinion
from gan_cli.plots.optimum import against_optimum as against_optimum
from gan_cli.plots.phase import phase as phase
from gan_cli.plots.plane import scatter as scatter
