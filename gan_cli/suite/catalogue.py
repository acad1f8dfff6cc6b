"""All rows of the suite, the quick ones first."""

from collections.abc import Iterable, Mapping

from gan_cli.check import did_you_mean
from gan_cli.errors import ConfigError
from gan_cli.suite.images import IMAGES
from gan_cli.suite.long import LONG
from gan_cli.suite.rows import Row
from gan_cli.suite.seconds import SECONDS
from gan_cli.suite.toys import TOYS

ROWS: dict[str, Row] = {row.name: row for row in (*SECONDS, *TOYS, *IMAGES, *LONG)}


def chosen(names: Iterable[str], rows: Mapping[str, Row] = ROWS) -> list[Row]:
    """The rows of these names, each once, in the order given.

    Raises:
        ConfigError: there is no row of a name; it names all that are wrong.
    """
    names = [*dict.fromkeys(names)]
    wrong = [f"there is no row {name!r}{did_you_mean(name, rows)}" for name in names if name not in rows]
    if wrong:
        raise ConfigError("\n".join([*wrong, "gan-reproduce --list shows them all"]))
    return [rows[name] for name in names]
