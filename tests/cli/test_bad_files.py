"""Config files of one's own that `gan-train` refuses: each is named, nothing in it is run, and no memory is lost."""

import itertools
import os
from pathlib import Path

import pytest

HINGE = "_target_: gan_cli.losses.Hinge\n"
MINIMAX = "_target_: gan_cli.losses.Minimax\n"
LINE = "--config-dir mine loss=mine model=mlp model.width=8 dataset=gaussian prior.dim=2"
NINE = [f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]" for before, name in itertools.pairwise("abcdefghi")]
BOMB = "\n".join(["a: &a [x,x,x,x,x,x,x,x,x]", *NINE, ""])

# `mine/loss/mine.yaml`, and how the message begins; MINE stands for its name.
FILES = [
    ("tab", "a: 1\n\tb: 2\n", "MINE, line 2: found character '\\t' that cannot start any token"),
    ("duplicate key", "a: 1\na: 2\n", "MINE, line 2: found duplicate key a"),
    ("python tag", "_target_: !!python/object/apply:os.system ['touch x']\n", "MINE, line 1: could not"),
    ("alias bomb", BOMB, "MINE: is no config: its aliases (*name) stand for more than 100,000 values"),
    ("alias of itself", "a: &a {b: *a}\n", "MINE: is no config: it has more than 50 levels, or an alias"),
    ("500 levels", "a: " + "[" * 500 + "]" * 500, "MINE: is nested too deeply; 50 levels are allowed"),
    ("60 levels", "a: " + "[" * 60 + "]" * 60, "MINE: is no config: it has more than 50 levels"),
    ("300 KB", HINGE + "#" * 300_000, "MINE: is no config: it is larger than 262,144 bytes"),
    ("list", "- a\n- b\n", "MINE: is no config: expected lines of key: value, found a single list"),
    ("word", "hello\n", "MINE: is no config: expected lines of key: value, found a single value"),
    ("nothing", "", "loss: has no _target_ that names its class; choose one with gan-train --help"),
    ("binary", b"\x00\x01\x02\xff\xfe", "MINE: is no config: 'utf-8' codec can't decode byte 0xff"),
    ("latin-1", HINGE.encode() + b"# \xe9\n", "MINE: is no config: 'utf-8' codec can't decode byte 0xe9"),
    ("two documents", "a: 1\n---\nb: 2\n", "MINE, line 2: but found another document"),
    ("merge of a number", "<<: 7\n" + HINGE, "MINE, line 1: expected a mapping or list of mappings for"),
    ("unhashable key", "? [a]\n: b\n", "MINE, line 1: found unhashable key"),
    ("key of null", "null: 2\n" + HINGE, "MINE: is no config: Incompatible key type 'NoneType'"),
    ("key of a number", "1: 2\n" + HINGE, "loss.1: gan_cli.losses.Hinge has no such argument; it takes none"),
    ("key that is escaped", '"\\e[31mred\\n": 1\n' + HINGE, "loss.\\x1b[31mred\\n: gan_cli.losses.Hinge has no such"),
    ("set", MINIMAX + "real_label: !!set {a, b}\n", "MINE: is no config: Value 'set' is not a supported"),
    ("nan", MINIMAX + "real_label: .nan\n", "loss.real_label: expected a number; got nan"),
    ("date", MINIMAX + "real_label: 2020-01-01\n", "loss.real_label: expected a number; got '2020-01-01'"),
    ("bytes", MINIMAX + "real_label: !!binary aGVsbG8=\n", "loss.real_label: expected a number; got b'hello'"),
    ("10,000 characters", MINIMAX + f"real_label: {'x' * 10_000}\n", "loss.real_label: expected a number; got 'xxxxxx"),
    ("200 keys", HINGE + "".join(f"k{i}: {i}\n" for i in range(200)), "200 problems in this config: loss.k0: "),
    ("no value", MINIMAX + "real_label: ???\n", "loss.real_label: needs a value; give one with loss.real_label=..."),
    ("no class", "x: 1\n", "loss: has no _target_ that names its class"),
    ("class of a number", "_target_: 7\n", "loss: has no _target_ that names its class"),
    ("no such class", "_target_: gan_cli.losses.Nope\n", "loss._target_: 'gan_cli.losses.Nope' was not found"),
    ("no such module", "_target_: nowhere.X\n", "loss._target_: 'nowhere.X' was not found: there is no 'nowhere'"),
    ("module", "_target_: gan_cli.losses.math\n", "loss._target_: 'gan_cli.losses.math' is a module and not a class"),
    ("function", "_target_: gan_cli.losses.total\n", "loss.parts: gan_cli.losses.total needs it; give it with +loss"),
    ("abstract class", "_target_: gan_cli.losses.Loss\n", "loss: is no loss: NotImplementedError"),
    ("os.system", "_target_: os.system\ncommand: touch canary\n", "loss._target_: 'os.system' is"),
    ("eval", "_target_: builtins.eval\n", "loss._target_: 'builtins.eval' is a builtin_function_or_method and not a"),
    ("nested os.system", MINIMAX + "real_label: {_target_: os.system, command: touch canary}\n", "loss.real_label: "),
    ("partial", HINGE + "_partial_: true\n", "loss._partial_: must be false here, got True"),
    ("positions", MINIMAX + "_args_: [1.0, 0.0, 3]\n", "loss._args_: gan_cli.losses.Minimax has no such argument"),
    ("recursion", HINGE + "_recursive_: maybe\n", "loss._recursive_: expected one of True, False; got 'maybe'"),
    ("interpolation", MINIMAX + "real_label: ${nosuch}\n", "loss.real_label: Interpolation key 'nosuch' not found"),
    ("half of one", MINIMAX + "real_label: ${\n", "MINE: is no config: no viable alternative at input"),
    ("a circle", MINIMAX + "real_label: ${.fake_label}\nfake_label: ${.real_label}\n", "loss.real_label: Recursive"),
    ("defaults of nothing", "defaults:\n  - /loss: nosuch\n" + HINGE, "In 'loss/mine': Could not find 'loss/nosuch'"),
    ("defaults of a word", "defaults: hinge\n" + HINGE, "Hydra cannot run this command line: ValueError: Inva"),
    ("defaults of a number", "defaults:\n  - 7\n" + HINGE, "Hydra cannot run this command line: ValueError: Uns"),
    ("defaults of itself", "defaults:\n  - mine\n" + HINGE, "a defaults list of one of your configs leads"),
    ("package", "# @package nosuch\n" + HINGE, "2 problems in this config: nosuch: no such key"),
    ("packages", "# @package a b\n" + HINGE, "MINE: is no config: Too many components in '@package a b'"),
]

# `mine.py` in the working directory, and how the message for its class `Mine` begins.
MODULES = [
    ("1/0\n", "loss._target_: 'mine.Mine' cannot be imported: ZeroDivisionError: division by zero"),
    ("def (\n", "loss._target_: 'mine.Mine' cannot be imported: SyntaxError: invalid syntax (mine.py, line 1)"),
    ("import sys; sys.exit(3)\n", "loss._target_: 'mine.Mine' cannot be imported: SystemExit: 3"),
    ("Mine = 3\n", "loss._target_: 'mine.Mine' is a int and not a class"),
    ("class Mine:\n    pass\n", "loss: is no loss: 'Mine' object has no attribute 'discriminator'"),
    ("class Mine:\n    def __init__(self): raise KeyError('boom')\n", "loss: KeyError: 'boom'"),
    ("class Mine:\n    def __init__(self): exit(3)\n", "loss: calls sys.exit(3); it must raise a ValueError"),
    ("class Mine:\n    def __init__(self): assert 0 == 1\n", "loss: AssertionError"),
    ("class Mine:\n    def __init__(self): Mine()\n", "loss: maximum recursion depth exceeded"),
    ("class Mine:\n    def __init__(self): raise ValueError(1000 * 'a ')\n", "loss: a a a a"),
    ("class Mine:\n    def __init__(self): raise ValueError(1000 * 'a\\n')\n", "loss: a a a a"),
]


@pytest.mark.parametrize(("content", "begins"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_file_that_is_no_config_is_named(refused, content, begins):
    message = refused(LINE, 2, {"mine/loss/mine.yaml": content})
    assert message.startswith(begins.replace("MINE", "mine/loss/mine.yaml"))


@pytest.mark.parametrize(("module", "begins"), MODULES, ids=[begins for _, begins in MODULES])
def test_a_class_of_ones_own_that_fails_is_told_with_what_it_says(refused, module, begins):
    files = {"mine/loss/mine.yaml": "_target_: mine.Mine\n", "mine.py": module}
    assert refused(LINE, 2, files).startswith(begins)


@pytest.mark.parametrize(
    ("content", "begins"),
    [
        ("x: 1\n", "10 problems in this config: x: no such key"),
        ("[", "mine/main.yaml, line 1: expected the node content"),
        ("defaults:\n  - train\n  - _self_\n  - override /loss: nosuch\n", "In 'train': Could not find 'loss/nosuch'"),
        ("defaults:\n  - main\n", "a defaults list of one of your configs leads back to itself"),
    ],
)
def test_a_main_config_of_ones_own_is_held_to_the_same(refused, content, begins):
    assert refused("--config-dir mine --config-name main", 2, {"mine/main.yaml": content}).startswith(begins)


@pytest.mark.parametrize(
    ("content", "begins"),
    [
        ("# @package _global_\ndefaults:\n  - override /loss: nosuch\n", "In 'train': Could not find 'loss/nosuch'"),
        ("# @package _global_\ntrain:\n  bach_size: 3\n  samples: 0\nlos: 3\n", "3 problems in this config: los: no"),
        ("# @package _global_\nloss: 3\n", "loss: expected a choice of this group, got 3"),
        ("train:\n  steps: 3\n", "experiment: no such key; there are: seed, device,"),
    ],
)
def test_a_recipe_of_ones_own_is_held_to_the_same(refused, content, begins):
    assert refused("--config-dir mine experiment=mine", 2, {"mine/experiment/mine.yaml": content}).startswith(begins)


@pytest.mark.parametrize("kind", ["a directory", "a link to itself", "a pipe"])
def test_what_is_no_file_is_no_choice(refused, tmp_path, kind):
    path = tmp_path / "mine/loss/mine.yaml"
    path.parent.mkdir(parents=True)
    if kind == "a directory":
        path.mkdir()
    elif kind == "a link to itself":
        path.symlink_to("mine.yaml")
    else:
        os.mkfifo(path)
    assert refused(LINE, 2).startswith("loss: there is no choice 'mine'; did you mean 'hinge'?")


@pytest.mark.parametrize("line", ["--config-dir file", "--config-dir=file", "-cd file"])
def test_a_place_of_configs_is_a_directory(refused, line):
    message = refused(line, 2, {"file": "hello"})
    assert message.endswith("file: expected a directory of configs, and it is a file")


def test_a_bomb_is_looked_at_only_where_it_is_chosen(refused):
    files = {"mine/loss/mine.yaml": BOMB}
    assert refused("--config-dir mine loss=hinge seed=x", 2, files) == "seed: expected a whole number; got 'x'"
    message = refused("hydra.searchpath=[mine] loss=mine", 2, files)
    assert message.startswith("mine/loss/mine.yaml: is no config: its aliases")
    assert len(BOMB) < 400 and Path("mine/loss/mine.yaml").stat().st_size == len(BOMB)
