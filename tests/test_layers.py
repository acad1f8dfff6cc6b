"""The design, as data: who may import whom, and what every file of conf/ opens with."""

import ast
import itertools
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from gan_cli.cli.overrides import split_arguments
from gan_cli.cli.sweep.launchers import hide_others
from gan_cli.paths import CONF_DIR

PACKAGE = Path(__file__).resolve().parent.parent / "gan_cli"

# A module imports only from levels above its own in this table. On its own level it imports nothing on level 1, where
# each module can be copied into a notebook alone, and elsewhere only what stands before it. A package is one entry.
LEVELS = (
    ("errors", "crc32c", "geometry", "room", "reading", "paths", "cpu", "seeds", "files", "state", "parts", "scores"),
    (
        *("losses", "penalties", "priors", "models", "data", "aids", "ema", "grid", "plots", "density", "interpolate"),
        *("settings", "targets", "diversity", "theory", "bounds", "machine", "forward", "optimizers", "products"),
        *("features", "metrics", "ranks"),
    ),
    (
        *("checkpoint", "fitting", "best", "chance", "remarks"),
        *("charts", "events", "trackers", "logbook", "console", "silent", "record"),
        *("liveness", "listing", "alarms", "history", "health", "guard", "expense", "measure", "theory_plot"),
    ),
    (
        *("run", "rollback", "profile", "steps", "dirac", "pictures", "optimum", "readouts", "evaluation", "guide"),
        *("loop", "export"),
    ),
    (
        *("check", "contracts", "data_parallel", "composed", "placement", "paper", "factory", "builder", "stored"),
        *("resume", "probe", "scoring", "suite", "report"),
    ),
    ("cli",),
    ("figure", "api"),
)
LEVEL = {name: number for number, level in enumerate(LEVELS) for name in level}
ORDER = [name for level in LEVELS for name in level]

TORCH_ALONE = ("losses", "penalties", "priors", "models", "aids", "diversity", "theory", "bounds")  # the mathematics
HYDRA = ("errors", "check", "factory", "cli", "api")


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}
PACKAGES = {module_name(path) for path in PACKAGE.rglob("__init__.py")}


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module and every name from a module that a file imports: also in functions and for type checkers alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import; write it in full"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES or node.module == "gan_cli" else str(node.module)


def entry(module: str) -> str:
    """A module's name in the table: what follows `gan_cli.`, empty for the package itself."""
    return [*module.split("."), ""][1] if module in MODULES else ""


def own_imports(module: str) -> set[str]:
    """The modules of gan_cli that a module imports; `from gan_cli import __version__` is none."""
    return {name for name in imports(MODULES[module]) if name in MODULES and name != "gan_cli"}


def top_names(module: str) -> set[str]:
    """The first part of all that a module imports."""
    return {name.split(".")[0] for name in imports(MODULES[module])}


@pytest.mark.parametrize("module", [name for name in MODULES if name != "gan_cli"])
def test_every_module_has_a_place_in_the_table(module):
    assert entry(module) in LEVEL, f"{module} is new: add it to LEVELS in {Path(__file__).name}, on its level"


def test_the_table_has_no_name_without_a_module():
    assert set(LEVEL) == {entry(module) for module in MODULES if module != "gan_cli"}
    assert len(ORDER) == len(LEVEL)


@pytest.mark.parametrize("module", [name for name in MODULES if name != "gan_cli"])  # which hands on, lazily
def test_a_module_imports_only_from_above(module):
    here = entry(module)
    for imported in own_imports(module):
        there = entry(imported)
        if here == there:  # inside one package
            continue
        assert here and ORDER.index(there) < ORDER.index(here), f"{module} imports {imported}, which stands below it"
        assert LEVEL[there] < LEVEL[here] or LEVEL[here] != 1, f"{module} and {imported} must not know each other"


def test_no_module_imports_itself_by_a_detour():
    reached = {module: own_imports(module) for module in MODULES if module not in PACKAGES}
    for middle, before, after in itertools.product(reached, repeat=3):
        if middle in reached[before] and after in reached[middle]:
            reached[before].add(after)
    assert [module for module, after in reached.items() if module in after] == []


@pytest.mark.parametrize("module", sorted(PACKAGES))
def test_an_init_file_only_hands_names_on(module):
    for node in MODULES[module].body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_import = isinstance(node, ast.Import | ast.ImportFrom)
        is_lazy = module == "gan_cli" and ast.unparse(node).startswith(("def __getattr__(", "if TYPE_CHECKING:"))
        is_name = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("__all__", "__version__")
        assert is_text or is_import or is_name or is_lazy, f"{module}, line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("module", MODULES)
def test_only_the_factory_calls_what_a_config_names(module):
    named = {
        getattr(node, field)
        for node in ast.walk(MODULES[module])
        for kind, field in ((ast.alias, "name"), (ast.Name, "id"), (ast.Attribute, "attr"))
        if isinstance(node, kind)
    }
    assert "instantiate" not in named or module == "gan_cli.factory"


@pytest.mark.parametrize("module", MODULES)
def test_only_the_command_and_the_config_know_hydra(module):
    assert "hydra" not in top_names(module) or entry(module) in HYDRA


@pytest.mark.parametrize("module", [module for module in MODULES if entry(module) in TORCH_ALONE])
def test_the_mathematics_knows_torch_alone(module):
    assert top_names(module) - sys.stdlib_module_names <= {"torch", "gan_cli"}


# conf/

CONFIGS = sorted(CONF_DIR.rglob("*.yaml"))
COMMAND = re.compile(r"^[#\s]*(gan-[a-z]+ .*?)(?:\s{3,}.*)?$")  # at the start of a line; a remark may follow


def head(path: Path) -> list[str]:
    """The comment lines that a file opens with, without the package directive."""
    lines = path.read_text().splitlines()
    opening = itertools.takewhile(lambda line: line.startswith("#"), lines)
    return [line.lstrip("# ") for line in opening if not line.startswith("# @package")]


def commands(path: Path) -> list[str]:
    """Every command that a file shows."""
    return [found[1] for line in path.read_text().splitlines() if (found := COMMAND.match(line))]


def jobs(command: str) -> list[list[str]]:
    """The overrides of a command; those of each job where it is a sweep."""
    flags, overrides = split_arguments(shlex.split(command)[1:])
    if not {"-m", "--multirun"}.intersection(flags) and not any(text.startswith("sweep=") for text in overrides):
        return [overrides]
    parsed = OverridesParser.create().parse_overrides(overrides)
    each = [
        [f"{o.get_key_element()}={value}" for value in o.sweep_string_iterator()]
        if o.is_sweep_override() and o.is_discrete_sweep()
        else [f"{o.get_key_element()}={o.value().start}"]  # of an interval
        if o.is_sweep_override()
        else [str(o.input_line)]
        for o in parsed
    ]
    return [list(job) for job in itertools.product(*each)]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(CONF_DIR)))
def test_a_config_opens_with_its_purpose_and_a_command(path):
    purpose, *rest = head(path)
    assert re.match(r"[\w`].*[.:]$", purpose) and not purpose.startswith("gan-train "), "the first line says what for"
    assert any(line.startswith("gan-train ") for line in rest), "the next line is a command that uses it"


@pytest.mark.parametrize(
    ("path", "command"),
    [(path, command) for path in CONFIGS for command in commands(path)],
    ids=lambda value: value if isinstance(value, str) else value.stem,
)
def test_a_command_in_a_config_composes(path, command):
    hide_others()
    assert shlex.split(command)[0] == "gan-train"
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        for overrides in jobs(command):
            OmegaConf.to_container(compose("train", overrides), resolve=True)  # Hydra refuses a key it does not know
