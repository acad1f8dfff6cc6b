"""The judge of one kind of data: which metrics suit them, and what samples and real ones score."""

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, stdev
from typing import Any

from torch import Tensor

from gan_cli.data.mixture import Mixture
from gan_cli.data.stacked import Stacked
from gan_cli.evaluation import families
from gan_cli.evaluation.families import CLASSES, CLOUDS, MODES, STACKED, TRANSPORT, Family, Found
from gan_cli.evaluation.figure import Figure
from gan_cli.evaluation.options import Options
from gan_cli.evaluation.reals import Reals
from gan_cli.evaluation.spaces import DISTANCES, Spaces
from gan_cli.scores import SCORES

Draw = Callable[[int, int], Tensor]  # of a seed and n: samples [n, *shape], uint8 images or points
SLOW = ("w1", "kid", "memorised")  # left out of what takes seconds
Say = Callable[[str], None]


class Judge:
    """Measures samples against real data.

    What is known of the real data is found once: their features, what they score in the samples' place, and the
    classifier.

    Args:
        reals: what samples are held against.
        options: which metrics, in which space.
        say: gets lines on what takes long.

    Raises:
        ValueError: a metric that these data cannot have.
        DataError: Inception's weights are asked for, and not there.
    """

    def __init__(self, reals: Reals, options: Options, say: Say = lambda _: None) -> None:
        self.reals, self.options = reals, options
        self.spaces = Spaces(reals, options, say)
        self.metrics = _chosen(options, self._suitable())
        for name in self.metrics:
            if why := self._why_not(name):
                raise ValueError(f"{name} {why}; there are for them: {', '.join(self._possible())}")
        if "inception" in map(self._space, self.metrics):
            self.spaces["inception"]  # 96 MB that may not be there: better known now
        self._families: list[tuple[Family, list[str]]] | None = None
        self._floors: dict[tuple[int, int], Found] = {}

    def __call__(self, draw: Draw) -> tuple[Figure, ...]:
        """Figures of the samples that a function draws, in the order in which they were asked for."""
        first = self.options.first_seed
        seeds = tuple(range(first, first + self.options.seeds))
        found: list[dict[str, tuple[float, float]]] = []
        for seed in seeds:
            x = draw(seed, max(self.number(family) for family, _ in self.groups))
            values, floors = dict[str, float](), dict[str, float]()
            for family, _ in self.groups:  # all of the samples first: their features are remembered until then
                n = self.number(family)
                values |= family.measure(x[:n] if n < len(x) else x, self.reals.real(seed), seed)
            for i, (family, _) in enumerate(self.groups):
                if (i, seed) not in self._floors:
                    self._floors[i, seed] = family.floor(self.number(family), seed)
                floors |= self._floors[i, seed]
            found.append({name: (values[name], floors[name]) for name in self.metrics})
        by = {name: family for family, names in self.groups for name in names}
        return tuple(self._figure(name, by[name], [one[name] for one in found], seeds) for name in self.metrics)

    @property
    def groups(self) -> list[tuple[Family, list[str]]]:
        """What measures, and which of the metrics."""
        if self._families is None:
            self._families = list(self._made())
        return self._families

    @property
    def memory(self) -> dict[str, Any] | None:
        """What `memorised` rests on, of the first seed; None where it was not asked for."""
        return next((f.told() for f, _ in self.groups if isinstance(f, families.Memorised)), None)

    @property
    def memorised(self) -> families.Memorised | None:
        """Who looked for training examples among samples."""
        return next((f for f, _ in self.groups if isinstance(f, families.Memorised)), None)

    def number(self, family: Family) -> int:
        """How many samples it measures."""
        return self.options.n_fake or (families.STACKED_NUMBER if isinstance(family, families.Stacks) else self.reals.n)

    def _figure(
        self, name: str, family: Family, values: Sequence[tuple[float, float]], seeds: tuple[int, ...]
    ) -> Figure:
        each, floors = [value for value, _ in values], [floor for _, floor in values]
        spread = stdev(each) if len(each) > 1 and all(map(math.isfinite, each)) else None
        sizes = family.sizes(name, self.number(family))
        return Figure(
            name,
            fmean(each),
            spread,
            fmean(floors),
            SCORES[name].better,
            space=family.space,
            digest=family.digest,
            preprocessing=family.preprocessing,
            n_real=sizes.real,
            n_fake=sizes.fake,
            n_floor=sizes.floor,
            split=self.reals.split,
            floor_of=family.floor_of,
            seeds=seeds,
        )

    # Which metrics these data have.

    def _suitable(self) -> list[str]:
        """Those that are measured where nobody says."""
        data, spaces = self.reals.data, self.spaces
        names: list[str] = [name for name in (*MODES, *TRANSPORT, *STACKED) if not self._why_not(name)]
        if len(self.reals.shape) == 3:
            distance = next(name for name, kind in DISTANCES.items() if kind == spaces.usual)
            names.append(distance)
            names += CLASSES if spaces.usual == "classifier" and not isinstance(data, Stacked) else ()
            names += [name for name in CLOUDS if name not in DISTANCES]
            names += ["memorised"] if not self._why_not("memorised") else []
        return [name for name in names if not (self.options.quick and name in SLOW)]

    def _possible(self) -> list[str]:
        return [name for name in SCORES if not self._why_not(name)]

    def _why_not(self, name: str) -> str | None:
        """Why these data do not have a metric; None where they do."""
        reals, shape = self.reals, self.reals.shape
        images = len(shape) == 3
        if name in MODES and not (isinstance(reals.data, Mixture) and reals.data.modes is not None):
            return "needs a density with modes, such as ring or grid"
        if name in TRANSPORT and (images or (name == "w1" and shape not in ((1,), (2,)))):
            return "is for points" + (" on the line or in the plane" if name == "w1" else "")
        if name in (*CLOUDS, *CLASSES, *STACKED, "memorised", "parzen") and not images:
            return "is for images"
        if name in STACKED and not isinstance(reals.data, Stacked):
            return "is for stacked digits (dataset=stacked_mnist)"
        classified = self.spaces.classifies or isinstance(reals.data, Stacked)
        if (name in CLASSES or self._space(name) == "classifier") and not classified:
            return "needs a classifier: labels of two classes, and sides of 8 to 64 pixels"
        if name in CLASSES and isinstance(reals.data, Stacked):
            return "is not for stacked digits; they have stacked_modes and stacked_kl"
        if name in ("memorised", "parzen") and reals.held is None:
            return "needs images that the generator did not learn from, and nothing is held out (train.held_out)"
        if name == "parzen" and (shape[0] != 1 or reals.aside is None or len(reals.aside) < 4):
            return "is for images of one channel, of which some are held out (train.held_out)"
        return None

    def _space(self, name: str) -> str | None:
        if name in DISTANCES:
            return DISTANCES[name]
        if name in CLASSES:
            return "classifier"
        return self.spaces.usual if name in CLOUDS else None

    def _made(self) -> Iterable[tuple[Family, list[str]]]:
        reals, options = self.reals, self.options
        for kind in dict.fromkeys(self._space(name) for name in self.metrics if name in CLOUDS):
            names = [name for name in self.metrics if name in CLOUDS and self._space(name) == kind]
            assert kind is not None
            yield families.Clouds(reals, names, seen=self.spaces[kind]), names  # type: ignore[index]
        makers: list[tuple[tuple[str, ...], Callable[[list[str]], Family]]] = [
            (MODES, lambda names: families.Modes(reals, names, definition=options.definition)),
            (TRANSPORT, lambda names: families.Transport(reals, names)),
            (CLASSES, lambda names: families.Classes(reals, names, seen=self.spaces["classifier"])),
            (STACKED, lambda names: families.Stacks(reals, names, grey=self.spaces.grey)),
            (("memorised",), lambda names: families.Memorised(reals, names, first_seed=options.first_seed)),
            (("parzen",), lambda names: families.Parzen(reals, names)),
        ]
        for known, make in makers:
            if names := [name for name in self.metrics if name in known]:
                yield make(names), names


def _chosen(options: Options, suitable: Sequence[str]) -> tuple[str, ...]:
    """The metrics that are asked for, each once."""
    asked = options.metrics
    if not asked:
        return tuple(suitable)
    added = [name.removeprefix("+") for name in asked if name.startswith("+")]
    plain = [name for name in asked if not name.startswith("+")]
    return tuple(dict.fromkeys([*(plain or suitable), *added]))
