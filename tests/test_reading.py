"""Files of strangers are read as bounded plain data, or not at all."""

import math
import os
import socket
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from gan_cli.errors import RunError
from gan_cli.reading import is_hollow, is_regular, read_bytes, read_json, read_rows, read_yaml


def test_a_file_comes_back_as_it_is(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    assert is_regular(path)


def special(tmp_path):
    """Files that are none, by what they are called in the message."""
    (tmp_path / "real").write_text("{}")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    return {"link": "a link", "loop": "a link", "pipe": "a pipe", "folder": "a directory"}


def test_only_regular_files_are_read_and_none_is_waited_for(tmp_path):
    for name, kind in special(tmp_path).items():
        assert not is_regular(tmp_path / name)
        for read in (read_json, read_yaml, lambda path: read_bytes(path, 9)):
            with pytest.raises(RunError, match=rf"{name}: is {kind}, expected a file"):
                read(tmp_path / name)
    with pytest.raises(RunError, match="is a device"):
        read_bytes(Path("/dev/zero"), 9)
    with pytest.raises(RunError, match="none: cannot be read: No such file"):
        read_json(tmp_path / "none")


def test_a_socket_is_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path may have 100 bytes
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        with pytest.raises(RunError, match="is a socket"):
            read_json(tmp_path / "socket")


def test_a_file_larger_than_its_kind_is_not_read(tmp_path):
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk
    for read in (read_json, read_yaml):
        with pytest.raises(RunError, match=r"huge.json: is larger than the [\d,]+ bytes"):
            read(path)
    with pytest.raises(RunError, match="larger than the 9 bytes"):
        read_bytes(Path("/proc/self/status"), 9)  # says that it has 0 bytes


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        ("[]", "expected an object, found a list"),
        ("{" * 10 + "}" * 10, "property name"),
        ('{"a":' * 24 + "1" + "}" * 24, "nested more than 24 deep"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": -Infinity}', "-Infinity is no number"),
        ('{"a": 1e999}', "1e999 is no number"),
        ('{"a": ' + "9" * 1_000_000 + "}", "a number has 1,000,000 digits"),
        ('{"a": 0.' + "9" * 1_000 + "}", "a number has 1,002 digits"),
        ('{"a": 18446744073709551616}', "beyond 64 bits"),
        ('{"a": "\\ud800"}', "surrogates not allowed"),
        ('{"a": "' + "x" * 200_000 + '"}', "a text has 200,000 characters"),
        ("\xff", "expecting value|codec"),
    ],
)
def test_json_is_bounded_plain_data(tmp_path, text, why):
    path = tmp_path / "a.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(RunError, match=f"(?i)a.json: is not JSON as gan-train writes it: .*({why})") as raised:
        read_json(path)
    assert len(str(raised.value)) < len(str(path)) + 300


ALIASES = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "found nothing"),
        ("- a", "found a list"),
        ("a: 1\na: 2\n", "line 2 has a key that is no word, or is there twice"),
        ("1: a", "line 1 has a key that is no word"),
        ("? [a]\n: b", "a key that is no word"),
        ("<<: {a: 1}", "a key that is no word"),
        ("a: &b 1", "line 1 has an anchor"),
        (ALIASES, "line 1 has an anchor"),
        ("a: *b", "line 1 has an anchor or alias"),
        ("a: !!python/object/apply:os.system [id]", "line 1 has a tag"),
        ("!!python/object/apply:os.system [id]", "line 1 has a tag"),
        ("a: !!binary aGk=", "has a tag"),
        ("a: 2026-01-01", "it holds a date"),
        ("a: " + "[" * 25 + "]" * 25, "nested more than 24 deep"),
        ("a: " + "[" * 50_000, "nested more than 24 deep"),
        ("a: " + "1" * 50, "a number has 50 digits"),
        ("a: 1" + ":59" * 1000, "a number has 3,001 digits"),
        ("a: 0x" + "f" * 20, "beyond 64 bits"),
        ("a: " + "x" * 200_000, "200,000 characters"),
        ("a: 'b", "unexpected end|quoted scalar"),
        ("a:\tb: c", "line 1"),
        ("a: \x07", "special characters"),
        ("a: 1\n---\nb: 2", "another document"),
    ],
)
def test_yaml_is_bounded_plain_data(tmp_path, text, why):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(RunError, match=f"a.yaml: is not YAML as gan-train writes it: .*({why})"):
        read_yaml(path)


PLAIN = {
    "seed": 2**63 - 1,
    "path": "../../a/long/relative/path/of/more/than/forty/characters/that/begins/with/a/dot",
    "digest": "0123456789" * 7,
    "mark": '\x1b[31mred\x1b[0m "quoted" \N{GREEK SMALL LETTER XI}\n',
    "betas": [0.0, 0.99, 1e-7, math.inf],
    "day": "2026-01-01",
    "yes": "yes",
    "nested": {"empty": {}, "none": None, "list": [[], [1, [True]]], "word": ""},
}


def test_all_that_we_write_is_read(tmp_path):
    for text in (yaml.safe_dump(PLAIN), OmegaConf.to_yaml(OmegaConf.create(PLAIN))):
        (tmp_path / "a.yaml").write_text(text)
        assert read_yaml(tmp_path / "a.yaml") == PLAIN


def test_rows_come_back_one_at_a_time(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss/d": 0.5}\n{"step": 1, "a": "nan"}\n{"step": 3, "a": "n/a", "b": 2}\n')
    rows = read_rows(path)
    assert next(rows) == {"step": 1, "loss/d": 0.5}
    assert list(rows) == [{"step": 1, "a": "nan"}, {"step": 3, "a": "n/a", "b": 2}]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "Expecting value"),
        ("[1]", "list"),
        ("{}", "step"),
        ('{"step": "2"}', "more than figures"),
        ('{"step": 2.0}', "its step is none"),
        ('{"step": true}', "more than figures"),
        ('{"step": 0}', "an earlier one"),
        ('{"step": -1}', "its step is none"),
        ('{"step": 9223372036854775808}', "its step is none"),
        ('{"step": 2, "a": NaN}', "NaN is no number"),
        ('{"step": 2, "a": 1e999}', "is no number"),
        ('{"step": 2, "a": [1]}', "more than figures"),
        ('{"step": 2, "a": "[red]"}', "more than figures"),
        ('{"step": 2' + " " * (1 << 16) + "}", "delimiter"),
        ("[" * 60_000, "nested too deeply"),
        ("\xff", "codec"),
    ],
)
def test_a_row_that_is_none_is_named_by_its_line(tmp_path, line, why):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n' + line.encode("latin-1") + b'\n{"step": 3}\n')
    with pytest.raises(RunError, match=f"metrics.jsonl: line 2 is not as gan-train writes it: .*{why}"):
        list(read_rows(path))


def test_a_line_that_does_not_end_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(RunError, match="line 1 is not as gan-train writes it"):
        list(read_rows(path))
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(RunError, match="has 1,099,511,627,776 bytes"):
        list(read_rows(path))


def test_a_large_file_of_holes_is_hollow_and_no_other_is(tmp_path):
    small, hollow, full = (tmp_path / name for name in ("small", "hollow", "full"))
    small.write_bytes(bytes(9))
    for path, size in ((hollow, 1 << 40), (full, 1 << 27)):
        with path.open("wb") as file:
            file.truncate(size)
            file.write(b"x" * (1 << 16 if path == hollow else 1 << 24))
    assert [is_hollow(path.stat()) for path in (small, hollow, full)] == [False, True, False]
