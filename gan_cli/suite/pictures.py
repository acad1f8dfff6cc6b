"""Pictures of a row: what its runs drew last, side by side."""

from collections.abc import Sequence
from pathlib import Path

from gan_cli.reading import is_regular

HEIGHT, GAP, MOST = 480, 8, 6  # pixels, and pictures in a row
_FAR = 4096  # pixels of a side that gan-train never draws


def last(run: Path) -> list[Path]:
    """A run's picture of real data, where it has one, and its newest samples."""
    folder = run / "samples"
    steps = sorted(path for path in folder.glob("step-*.png") if is_regular(path))
    real = folder / "real.png"
    return [*([real] if is_regular(real) else []), *steps[-1:]]


def side_by_side(pictures: Sequence[Path], to: Path) -> bool:
    """One picture of several, of equal height; those that cannot be read are left out.

    Returns:
        Whether there was any.
    """
    from PIL import Image

    found = []
    for path in pictures[:MOST]:
        try:
            with Image.open(path, formats=["PNG"]) as image:
                if max(image.size) <= _FAR:
                    width = max(1, round(image.width * HEIGHT / image.height))
                    found.append(image.convert("RGB").resize((width, HEIGHT), Image.Resampling.LANCZOS))
        except (OSError, ValueError):
            continue
    if not found:
        return False
    sheet = Image.new("RGB", (sum(image.width + GAP for image in found) - GAP, HEIGHT), "white")
    left = 0
    for part in found:
        sheet.paste(part, (left, 0))
        left += part.width + GAP
    unfinished = to.with_name(f".tmp-{to.name}")
    sheet.save(unfinished, "PNG", optimize=True)
    unfinished.replace(to)
    return True
