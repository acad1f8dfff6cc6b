"""A part of a data set: the examples of some of its classes; and what its classes are called."""

from collections.abc import Sequence

import torch
from torch import Tensor

from gan_cli.data.examples import Examples
from gan_cli.errors import DataError


def labels_of(classes: Sequence[int | str] | None, names: Sequence[str]) -> list[int] | None:
    """The labels meant by `classes`, each the name of one or a label; a name comes first.

    Raises:
        ValueError: a class that is not there, or none at all.

    >>> labels_of([3, "cat"], ["plane", "car", "cat", "dog"])
    [2, 3]
    """
    if classes is None:
        return None
    if isinstance(classes, str):  # also a sequence of strings
        raise ValueError(f"classes must be a list such as [{classes}], got {classes!r}")
    numbers = [str(i) for i in range(len(names))]
    unknown = [c for c in classes if str(c) not in names and str(c) not in numbers]
    if unknown or not classes:
        known = ", ".join(f"{i} {name}" if name != str(i) else name for i, name in enumerate(names))
        raise ValueError(f"classes must name some of\n  {known}\ngot {list(classes)!r}")
    return sorted({names.index(str(c)) if str(c) in names else int(c) for c in classes})


def keep(examples: Examples, labels: Sequence[int] | None) -> Examples:
    """The examples with one of these labels, in their order; labels keep their numbers. None keeps all.

    Raises:
        DataError: none is left.
    """
    if labels is None:
        return examples
    assert examples.y is not None
    chosen = torch.isin(examples.y, torch.tensor(list(labels)))
    if not chosen.any():
        found = examples.y.unique()
        some = ", ".join(map(str, found[:8].tolist())) + ", ..." * (len(found) > 8)
        raise DataError(f"no example has a label in {str(list(labels))[:40]}\nset dataset.classes to some of [{some}]")
    return Examples(examples.x[chosen], examples.y[chosen])


def by_name(y: Tensor, names: Sequence[str] = ()) -> dict[str, int]:
    """The classes that occur among labels y [N], by name; by number where not every one has a name of its own.

    >>> by_name(torch.tensor([2, 0, 2]), ["cat", "cow", "dog"]), by_name(torch.tensor([7, 1]), ["cat"])
    ({'cat': 0, 'dog': 2}, {'1': 1, '7': 7})
    """
    labels = [int(label) for label in y.unique()]
    named = max(labels) < len(names) and len(set(names)) == len(names)
    return {names[label] if named else str(label): label for label in labels}
