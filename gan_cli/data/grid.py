"""Gaussians on a lattice: many modes, so that how many a generator finds can be counted."""

from collections.abc import Sequence

import torch

from gan_cli.data.mixture import Mixture, check_far, check_number, place


class Grid(Mixture):
    """rows x columns round Gaussians, centred at 0; row by row from the lower left.

    The defaults are the 25 Gaussians of VEEGAN (Srivastava et al. 2017, arXiv:1705.07761, section 4.1): -4, -2, 0,
    2, 4 in both coordinates, std 0.05.

    Args:
        rows: Gaussians along the second coordinate.
        columns: Gaussians along the first coordinate.
        spacing: between neighbours.
        std: of each Gaussian, in the units of the spacing.
        rotation: degrees, counter-clockwise.
        shift: the lattice's centre.
        weights: how often each mode is drawn, row by row; equal without it.
        points: drawn once and then gone through again and again; endless data without it.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        rows: int = 5,
        columns: int = 5,
        spacing: float = 2.0,
        std: float = 0.05,
        rotation: float = 0.0,
        shift: tuple[float, float] = (0.0, 0.0),
        weights: Sequence[float] | None = None,
        points: int | None = None,
    ) -> None:
        if rows < 1 or columns < 1:
            raise ValueError(f"rows and columns must be at least 1, got {rows} and {columns}")
        check_number("rows times columns", rows * columns)
        check_far("spacing", spacing)
        across = spacing * (torch.arange(columns) - (columns - 1) / 2)
        up = spacing * (torch.arange(rows) - (rows - 1) / 2)
        centres = torch.cartesian_prod(up, across).flip(1)  # [rows * columns, 2]: (first, second) coordinate
        super().__init__(place(centres, rotation, shift), std, weights, points)
