"""A YAML file is read once, and again when it was edited."""

import os

import pytest
from hydra import compose, initialize_config_dir

from gan_cli.cli import sources


def value(folder):
    """What a compose finds in the file."""
    with initialize_config_dir(str(folder), version_base="1.3"):
        return compose("mine").x


@pytest.mark.parametrize(("text", "seconds"), [("x: 2\n", 2.0), ("x: 22\n", 1.0)], ids=["same size", "same time"])
def test_an_edited_file_is_read_again_in_the_same_process(tmp_path, text, seconds):
    sources.install()
    file = tmp_path / "mine.yaml"
    file.write_text("x: 1\n")
    os.utime(file, (1.0, 1.0))
    assert value(tmp_path) == 1
    file.write_text(text)
    os.utime(file, (seconds, seconds))
    assert value(tmp_path) == int(text.split()[1])


def test_a_file_that_nobody_edited_is_read_once(tmp_path, monkeypatch):
    looked, look = [], sources._look_at
    monkeypatch.setattr(sources, "_look_at", lambda path: looked.append(path) or look(path))
    sources.install()
    (tmp_path / "mine.yaml").write_text("x: 1\n")
    assert [value(tmp_path) for _ in range(2)] == [1, 1]
    assert len(looked) == 1
