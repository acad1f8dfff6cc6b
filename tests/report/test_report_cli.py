"""`gan-report` as a user meets it: its files, its words, and its answers to mistakes and to strangers."""

import csv
import json
import subprocess
import sys

import pytest
from pytest import approx
from report.made import make_run, scored

from gan_cli.cli.report import main
from gan_cli.report.markdown import code, fenced, plain

EVIL = "</script><img src=x>|[a](http://b)`\x1b[31m\n=cmd"


@pytest.fixture
def two(tmp_path, monkeypatch):
    """Two configurations of two seeds, and where to write."""
    for seed in (0, 1):
        make_run(tmp_path / f"runs/a{seed}", seed=seed, lr=0.001, rows=scored("eval/energy", 1.0 + seed, 0.5 + seed))
        make_run(
            tmp_path / f"runs/b{seed}", seed=seed, loss="hinge", rows=scored("eval/energy", 2.0 + seed, 4.0 + seed)
        )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def failing(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    error = capsys.readouterr().err
    assert "Traceback" not in error and len(error.splitlines()) <= 24
    return ended.value.code, " ".join(error.split())


def test_five_files_and_a_few_words(two, capsys):
    main(["runs"])
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "4 runs of 2 configurations"
    assert shown[1].startswith("  eval/energy (smaller is better): loss=nonsaturating with ")
    names = ["report.html", "report.md", "report.csv", "report-metrics.csv", "report-tests.csv"]
    assert shown[2:] == names and {path.name for path in two.iterdir()} == {"runs", *names}


def test_the_page_tells_what_the_tables_tell(two):
    main(["runs", "--title", "hinge or not"])
    page, tables = (two / "report.html").read_text(), (two / "report.md").read_text()
    for told in ("hinge or not", "loss=hinge", "more than seed noise"):
        assert told in page and told in tables


def test_the_markdown_has_means_intervals_and_commands(two):
    main(["runs", "--format", "md"])
    text = (two / "report.md").read_text()
    # values 0.5 and 1.5: mean 1, half-width t(0.975; 1) * 0.5 = 6.353
    assert "| `loss=nonsaturating` **best** | 2 | 1.0 ± 6.4 | 0.7071 | 0.5, 1.5 |" in text
    assert "gan-train loss=hinge optimizer.lr=0.001 seed=1" in text
    assert "gan-report runs --format md" in text
    assert [*two.glob("report*")] == [two / "report.md"]


def test_the_tables_hold_every_run_every_mean_and_every_test(two):
    main(["runs", "--format", "csv"])
    names = ("report.csv", "report-metrics.csv", "report-tests.csv")
    runs, means, tests = (list(csv.DictReader((two / name).read_text().splitlines())) for name in names)
    assert [(run["run"], run["loss"], run["eval/energy"]) for run in runs] == [
        ("a0", "nonsaturating", "0.5"), ("a1", "nonsaturating", "1.5"), ("b0", "hinge", "4.0"), ("b1", "hinge", "5.0"),
    ]  # fmt: skip
    assert runs[3]["command"] == "gan-train loss=hinge optimizer.lr=0.001 seed=1"
    assert [(line["configuration"], line["mean"], line["best"]) for line in means] == [
        ("loss=nonsaturating", "1.0", "yes"), ("loss=hinge", "4.5", ""),
    ]  # fmt: skip
    # standard errors 0.5 each: t = -3.5 / sqrt(0.5) = -4.95 with 2 degrees of freedom, p = 0.0385 in a table
    assert float(tests[0]["p"]) == approx(0.0385, abs=1e-4)
    assert [(line["a"], line["b"], line["difference"], line["verdict"]) for line in tests] == [
        ("loss=nonsaturating", "loss=hinge", "-3.5", "more than noise")
    ]


@pytest.mark.parametrize("out", ["there", "there/", "there/mine", "there/mine.html"])
def test_the_files_go_where_they_are_sent(two, out):
    (two / "there").mkdir()
    main(["runs", "--out", out, "--format", "md"])
    assert [path.name for path in (two / "there").iterdir()] == ["report.md" if "mine" not in out else "mine.md"]


def test_an_older_report_is_replaced_and_nobody_else_s_file(two, capsys):
    main(["runs"])
    main(["runs", "--title", "again"])
    assert "again" in (two / "report.html").read_text()
    for name in ("report.html", "report.md", "report-metrics.csv"):
        before = (two / name).read_text()
        (two / name).write_text("my own\n")
        code, error = failing(capsys, "runs")
        assert (code, (two / name).read_text()) == (5, "my own\n")
        assert error.startswith(f"{name}: is there, and gan-report did not write it; choose another place with --out")
        (two / name).write_text(before)
    (two / "report.md").unlink()
    (two / "report.md").symlink_to(two / "report.html")
    assert failing(capsys, "runs")[0] == 5


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (["nowhere"], 5, "there is no directory 'nowhere'"),
    (["."], 0, ""),
    (["runs", "--metric", "enrgy"], 2, "--metric: no run logged 'enrgy'"),
    (["runs", "--format", "pdf"], 2, "must be some of html, md, csv, got 'pdf'"),
    (["runs", "--out", "no/such/report"], 5, "--out: there is no directory 'no/such'"),
    (["runs", "--max-runs", "0"], 2, "must be a whole number of at least 1"),
    ([], 2, "the following arguments are required: DIR"),
])  # fmt: skip
def test_a_mistake_is_answered_in_a_line(two, capsys, arguments, code, words):
    if not code:
        main([*arguments, "--format", "md"])
        return
    found, error = failing(capsys, *arguments)
    assert found == code and words in error
    assert {path.name for path in two.iterdir()} == {"runs"}


def test_no_runs_are_said_to_be_none(tmp_path, capsys):
    code, error = failing(capsys, str(tmp_path), "--out", str(tmp_path / "report"))
    assert code == 5 and error.startswith("no runs in ")


def test_what_strangers_wrote_is_shown_and_obeyed_by_nobody(two):
    path = make_run(
        two / "runs" / "evil <b>", loss="hinge", seed=5, status="failed", reason=EVIL, overrides=["loss=hinge", EVIL],
        rows=[{"step": 1, EVIL: 1.0, "=1+1": 1.0, "eval/energy": 2.0}], alarms=[{"name": EVIL, "step": 3, "saw": EVIL}],
    )  # fmt: skip
    config = (path / "config.yaml").read_text()
    (path / "config.yaml").write_text(config.replace("gan_cli.losses.Hinge", json.dumps(EVIL)))
    main(["runs", "--metric", "*"])
    for name in ("report.html", "report.md", "report.csv", "report-metrics.csv"):
        text = (two / name).read_text()
        assert "\x1b" not in text, name
        if name.endswith((".html", ".md")):
            outside = "".join(text.replace("\\`", "").split("```")[::2]) if name.endswith(".md") else text
            assert "<img src=x>" not in "".join(outside.split("`")[::2]), name
    for name in ("report.csv", "report-metrics.csv"):
        cells = [cell for row in csv.reader((two / name).read_text().splitlines()) for cell in row]
        assert not any(cell.startswith(("=", "+", "@")) for cell in cells) and "'=1+1" in cells


def test_markdown_is_escaped():
    assert plain(EVIL) == "&lt;/script&gt;&lt;img src=x&gt;\\|\\[a\\](http://b)\\`\\\\x1b\\[31m =cmd"
    assert code("a`b|c\n<d>") == "`a'b/c <d>`"
    assert fenced(["a ```` b\nc"]) == "`````\na ```` b\\nc\n`````"


def test_it_starts_without_torch():
    watch = "import sys; from gan_cli.cli import report; sys.argv = ['gan-report', '--help']\ntry: report.main()\n"
    watch += "except SystemExit: pass\nprint(sorted({'torch', 'numpy', 'scipy', 'plotly'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", watch], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_report_needs_no_torch(two):
    watch = "import sys; from gan_cli.cli.report import main; main(['runs']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", watch], capture_output=True, text=True, check=True, cwd=two)
    assert done.stdout.splitlines()[-1] == "False"


def test_without_a_standard_output(two, monkeypatch):
    """So `python -m gan_cli.cli.report runs >&-` begins."""
    monkeypatch.setattr(sys, "stdout", None)
    main(["runs", "--format", "csv"])
    assert (two / "report.csv").exists()
