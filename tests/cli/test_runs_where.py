"""gan-runs --where and --sort: which runs are meant, by any fact about them, read from no more files than it takes."""

import json

import pytest
from cli.planted import CHOICES, FIGURES, put

from gan_cli import listing
from gan_cli.cli.runs import main
from gan_cli.cli.runs_keys import lines_of
from gan_cli.reading import parse_yaml

CONFIG = """\
train:
  _target_: gan_cli.settings.TrainConfig
  steps: {steps}
  note: 'a text

    of lines: with a colon'
  clip_grad_norm: null
  compile: false
optimizer:
  lr: {lr}
  betas:
  - 0.5
  - 0.999
  generator:
    lr: 0.1
seed: {seed}
device: auto
"""


def config(steps=1000, lr="1.0e-05", seed=0):
    return CONFIG.format(steps=steps, lr=lr, seed=seed)


@pytest.fixture
def four(tmp_path):
    """Of different ages, choices, settings, ends and figures; the newest one is d."""
    rows = [FIGURES | {"loss/g": 0.5, "eval/cfd": 30.0, "eval/precision": 0.2, "eval/std_ratio": 0.7}]
    put(tmp_path / "a", 1, choices=CHOICES | {"loss": "minimax"}, config=config(), metrics=rows)
    rows = [FIGURES | {"loss/g": 10.0, "eval/cfd": 9.0, "eval/precision": 0.9, "eval/std_ratio": 1.1}]
    put(tmp_path / "b", 2, status="failed", reason="loss/g is nan", seed=1, config=config(2000, seed=1), metrics=rows)
    rows = [FIGURES | {"loss/g": "nan", "eval/cfd": 100.0}]
    alarms = [{"name": "mode_collapse", "step": 3}, {"name": "oscillating", "step": 5}]
    put(tmp_path / "c", 3, choices=CHOICES | {"loss": "wgan_gp"}, config=config(lr=0.1), metrics=rows, alarms=alarms)
    put(tmp_path / "d", 4, status="stopped", step=5, seconds=9.0, config=config(3000))
    return tmp_path


@pytest.fixture
def met(four, capsys):
    """The names of the runs that a command line lists, in their order."""

    def call(*arguments: str) -> str:
        main([str(four), "--json", *arguments])
        return "".join(row["run"] for row in json.loads(capsys.readouterr().out))

    return call


@pytest.mark.parametrize(
    ("conditions", "runs"),
    [
        (["loss=hinge"], "db"),
        (["loss=hinge,minimax"], "dba"),
        (["loss!=hinge"], "ca"),
        (["loss!=hinge,minimax"], "c"),
        (["loss=*gan*"], "c"),
        (["loss=hinge", "seed=1"], "b"),
        (["experiment=ring"], ""),
        (["experiment!=ring"], "dcba"),
        (["status=failed,stopped"], "db"),
        (["status=fail*"], "b"),
        (["reason=*nan*"], "b"),
        (["alarm=oscillating"], "c"),
        (["alarm!=mode_*"], "dba"),
        (["run=*/a"], "a"),
        (["step<1000"], "d"),
        (["time>=75"], "cba"),
        (["created>=2026-05-04T03:02:30+0200"], "dc"),
        (["created<2026-05-03"], ""),
        (["created=2026-05-04*"], "dcba"),
        (["eval/cfd<=30"], "ba"),
        (["cfd<=30"], "ba"),
        (["cfd!=9"], "dca"),
        (["cfd=*"], "cba"),
        (["loss/g=0.50"], "a"),
        (["loss/g=nan"], "c"),
        (["loss/g<1e9"], "dba"),
        ([" loss/g  <  1 "], "da"),
        (["train.steps>=2000"], "db"),
        (["train.steps=1e3"], "ca"),
        (["train.steps=?000"], "dcba"),
        (["optimizer.lr=1e-5"], "dba"),
        (["optimizer.lr=0.1"], "c"),
        (["optimizer.generator.lr=0.1"], "dcba"),
        (["optimizer.betas=[0.5,0.999]"], "dcba"),
        (["optimizer.betas=[0.5, 0.999],x"], "dcba"),
        (["optimizer.betas!=[0.5,0.999]"], ""),
        (["train.clip_grad_norm=null"], "dcba"),
        (["train.compile=false"], "dcba"),
        (["train.note=a text*colon"], "dcba"),
        (["device=auto"], "dcba"),
    ],
)
def test_a_condition_chooses(met, conditions, runs):
    assert met(*(word for text in conditions for word in ("--where", text))) == runs


@pytest.mark.parametrize(
    ("key", "runs"),
    [
        ("cfd", "bacd"),  # the lower the better
        ("eval/precision", "badc"),  # the higher the better
        ("std_ratio", "badc"),  # near 1
        ("loss/g", "adbc"),  # says nothing of better: by size, then what is no number
        ("step", "cbad"),
        ("time", "cbad"),
        ("created", "dcba"),
        ("status", "bdca"),  # what needs somebody first; the newest first among equals
        ("seed", "dcab"),
        ("loss", "dbac"),
        ("train.steps", "cabd"),
        ("reason", "bdca"),
    ],
)
def test_an_order(met, key, runs):
    assert met("--sort", key) == runs


@pytest.mark.parametrize(("key", "runs"), [("cfd", "cabd"), ("std_ratio", "abdc"), ("step", "dcba"), ("loss", "cadb")])
def test_the_other_way_round_what_has_no_value_is_last_all_the_same(met, key, runs):
    assert met("--sort", key, "--reverse") == runs


def test_without_a_key_the_oldest_come_first_the_other_way_round(met):
    assert met("--reverse", "-n", "2") == "ab"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--where", "los=hinge"], "--where: no run here has 'los'; did you mean 'loss'?"),
        (["--where", "train.step=3"], "--where: no run here has 'train.step'; did you mean 'train.steps'?"),
        (["--where", "eval/cdf<3"], "--where: no run here has 'eval/cdf'; did you mean 'eval/cfd'?"),
        (["--sort", "loss/h"], "--sort: no run here has 'loss/h'; did you mean 'loss/g'?"),
        (["--sort", "zzzz"], "--sort: no run here has 'zzzz'; there are choices (loss), settings (train.steps)"),
        (["--where", "hinge"], "--where: 'hinge' is no condition; a key, one of = != < <= > >=, and a value, such as"),
        (["--where", "loss="], "--where: 'loss=' has no value behind loss=, such as --where loss=hinge"),
        (["--where", "loss==hinge"], "--where: 'loss==hinge' has no value behind loss=, such as"),
        (["--where", "=hinge"], "--where: '=hinge' is no condition"),
        (["--where", ""], "--where: '' is no condition"),
        (["--where", "cfd<good"], "--where: 'cfd<good': behind < stands a number, found 'good'"),
        (["--where", "cfd<nan"], "--where: 'cfd<nan': behind < stands a number, found 'nan'"),
        (["--where", "created>soon"], "--where: 'created>soon': behind > stands a date, such as 2026-11-22"),
    ],
)
def test_a_mistake_is_told(four, capsys, arguments, message):
    with pytest.raises(SystemExit) as end:
        main([str(four), *arguments])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert " ".join(error.split()).startswith(message)
    assert len(error.splitlines()) <= 24 and max(map(len, error.splitlines())) <= 100


def test_what_was_asked_for_has_a_column(four, capsys):
    main([str(four), "--where", "train.steps>1", "--where", "loss=hinge", "--sort", "cfd"])
    heading, first, second, _, last = capsys.readouterr().out.splitlines()
    assert heading.split()[:6] == ["run", "status", "step", "time", "train.steps", "eval/cfd"]
    assert first.split()[4:6] == ["2000", "9"]
    assert second.split()[:2] == ["d", "stopped"] and "3000" in second
    assert last == "2 of 4 runs, lowest eval/cfd first"


def test_what_is_not_shown_is_said(four, capsys):
    main([str(four), "--where", "loss!=minimax", "-n", "1"])
    assert capsys.readouterr().out.endswith("\nthe newest 1 of the 3 runs that match, of 4\n")
    main([str(four), "--sort", "precision", "-n", "1"])
    assert capsys.readouterr().out.endswith("\nthe 1 of 4 runs, highest eval/precision first\n")
    main([str(four), "--where", "loss=nosuch"])
    assert capsys.readouterr().out == "none of the 4 runs is loss=nosuch\n"


def test_several_directories_are_one_list(four, capsys):
    main([str(four / "b"), str(four / "a"), str(four / "a")])
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == ["run", str(four / "b"), str(four / "a")]


def test_a_figure_of_long_ago_is_found_behind_rows_without_it(met, four):
    with (four / "d" / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 60, "eval/cfd": 1.0}) + "\n")
        file.writelines(json.dumps({"step": step, **FIGURES, "note": 0.1}) + "\n" for step in range(61, 2000))
    assert (four / "d" / "metrics.jsonl").stat().st_size > listing.TAIL
    assert met("--sort", "cfd") == "dbac"


def test_no_more_is_read_than_it_takes(met, monkeypatch):
    """Of ten thousand runs it would be seconds."""
    opened = []
    real = listing.open_regular
    monkeypatch.setattr(listing, "open_regular", lambda path: opened.append(path.name) or real(path))
    monkeypatch.setattr(listing, "read_bytes", lambda path, limit: opened.append(path.name) or path.read_bytes())
    assert met("-n", "1") == "d"
    assert sorted(opened) == ["metrics.jsonl", *["run.json"] * 4, "status.json"]
    opened.clear()
    assert met("--where", "loss=minimax", "--where", "status=finished") == "a"
    assert sorted(opened) == ["metrics.jsonl"] + ["run.json"] * 4 + ["status.json"]
    opened.clear()
    assert met("--sort", "loss/g", "-n", "1") == "a"
    assert sorted(opened) == ["metrics.jsonl"] * 4 + ["run.json"] * 4 + ["status.json"]


def test_of_the_metrics_no_more_is_read_than_their_end(tmp_path, monkeypatch):
    directory = put(tmp_path / "a", metrics=[FIGURES] * 10_000)
    with (directory / "metrics.jsonl").open("rb") as file:
        lines = listing._backwards(file, listing.TAIL)
        assert next(lines) == b""
        assert json.loads(next(lines)) == FIGURES
        assert file.tell() == (directory / "metrics.jsonl").stat().st_size, "one block was read"


@pytest.mark.parametrize("most", [1, 7, 50, 10_000])
@pytest.mark.parametrize("block", [1, 3, 4096])
def test_lines_from_the_end_are_the_lines_in_turned_order(tmp_path, monkeypatch, most, block):
    monkeypatch.setattr(listing, "BLOCK", block)
    text = b"".join(b"%d" % i * (i % 5) + b"\n" for i in range(40)) + b"unfinished"
    (tmp_path / "file").write_bytes(text)
    with (tmp_path / "file").open("rb") as file:
        found = [*listing._backwards(file, most)]
    end = text[-most:].split(b"\n")
    assert found == (end if most > len(text) else end[1:])[::-1]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.steps", 5),
        ("train.note", "a text\nof lines: with a colon"),
        ("train.compile", False),
        ("train.clip_grad_norm", None),
        ("optimizer.betas", [0.5, 0.999]),
        ("optimizer.generator.lr", 0.1),
        ("optimizer.generator", {"lr": 0.1}),
        ("seed", 7),
        ("device", "auto"),
    ],
)
def test_the_lines_of_a_key_are_what_the_whole_file_says_of_it(key, value):
    assert parse_yaml(lines_of(config(5, seed=7), key.split(".")).encode(), "") == {"value": value}


@pytest.mark.parametrize("key", ["step", "train.step", "steps", "train.steps.x", "lr", "of lines", "train.seed", ".*"])
def test_of_a_key_that_is_not_there_there_are_no_lines(key):
    assert lines_of(config(), key.split(".")) == "{}"


def test_a_config_that_is_no_yaml_makes_an_unreadable_run_and_harms_no_other(four, capsys):
    (four / "d" / "config.yaml").write_text("train:\n  steps: !!python/object:os.system 1\n")
    main([str(four), "--where", "train.steps!=1000", "--json"])
    rows = {row["run"]: (row["status"], row["problem"]) for row in json.loads(capsys.readouterr().out)}
    problem = "config.yaml: is not YAML as gan-train writes it: line 1 has a tag"
    assert rows == {"d": ("unreadable", problem), "b": ("failed", None)}


def test_of_a_stranger_s_names_nothing_reaches_the_terminal(tmp_path, capsys):
    put(tmp_path / "a", metrics=[FIGURES | {"\x1b[31m/x": 1.0}], choices={"loss": "\x1b[31m"})
    main([str(tmp_path), "--sort", "\x1b[31m/x", "--where", "loss=\x1b*"])
    out = capsys.readouterr().out
    assert "\x1b" not in out and "\\x1b[31m/x" in out
