"""What a run writes comes back: jsonl, pictures, and all that TensorBoard shows."""

import json

import pytest
import torch
from conftest import TINY, make_run
from pytest import approx
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.metadata import CONFIG_SUMMARY_TAG
from tensorboard.plugins.hparams import api_pb2, metadata

from gan_cli.errors import RunError
from gan_cli.grid import tile
from gan_cli.guide import expected
from gan_cli.logbook import Logbook
from gan_cli.loop import train
from gan_cli.pictures import draw_real


def read(directory):
    events = EventAccumulator(str(directory), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    events.Reload()
    return events



@pytest.mark.parametrize(("loss", "has_probabilities"), [("nonsaturating", True), ("wgan_gp", False)])
def test_tensorboard_shows_what_theory_asks_for(tmp_path, loss, has_probabilities):
    run = make_run("model.base_channels=4", "dataset.size=8", "train.steps=6", "train.log_every=2", f"loss={loss}",
                   "train.sample_every=3", "train.samples=4", "train.lr_schedule=linear")  # fmt: skip
    with run.open(tmp_path):
        run.log.open_session({"loss": loss, "seed": 0, "dry": False, "lr": 0.5}, expected(run))
        draw_real(run)
        train(run)
    run.log.close(success=True)
    events = read(tmp_path)
    tags = set(events.Tags()["scalars"])
    assert {"loss/d", "loss/d_real", "loss/d_fake", "loss/d_penalty", "loss/g", "logit/real", "logit/fake"} <= tags
    assert {"grad_norm/d", "grad_norm/g", "lr/d", "lr/g", "time/images_per_second"} <= tags
    assert ({"prob/d_x", "prob/d_g_z"} <= tags) is has_probabilities
    assert ({"accuracy/real", "accuracy/fake"} <= tags) is has_probabilities
    assert [event.step for event in events.Scalars("loss/g")] == [2, 4, 6]
    assert [event.value for event in events.Scalars("lr/g")] == approx(
        [lr * 5e-4 for lr in (5 / 6, 3 / 6, 1 / 6)], rel=1e-5
    )
    assert [event.step for event in events.Images("samples")] == [3, 6]
    assert [event.step for event in events.Images("real")] == [0]
    assert CONFIG_SUMMARY_TAG in events.Tags()["tensors"], "the layout of the custom charts"
    start = events.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    settings = metadata.parse_session_start_info_plugin_data(start).hparams
    assert settings["loss"].string_value == loss
    assert (settings["seed"].number_value, settings["lr"].number_value) == (0, 0.5)
    assert settings["dry"].bool_value is False
    end = events.SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
    assert metadata.parse_session_end_info_plugin_data(end).status == api_pb2.STATUS_SUCCESS


def test_the_jsonl_and_tensorboard_say_the_same(tmp_path):
    run = make_run(*TINY, "train.log_every=2")
    with run.open(tmp_path):
        train(run)
    run.log.close()
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    events = read(tmp_path)
    assert [row["step"] for row in rows] == [2, 4, 6]
    for tag in rows[0].keys() - {"step"}:
        assert [event.value for event in events.Scalars(tag)] == approx([row[tag] for row in rows], rel=1e-6)
    timing = [json.loads(line) for line in (tmp_path / "timing.jsonl").read_text().splitlines()]
    assert [row["step"] for row in timing] == [2, 4, 6]
    assert not any("time" in key for row in rows for key in row), "clocks stay out of the file that equal runs share"


@pytest.mark.filterwarnings("ignore:NaN or Inf found")
def test_what_is_not_finite_is_logged_as_what_it_is(tmp_path):
    log = Logbook(tmp_path)
    values = log.scalars(1, {"a": torch.tensor(float("nan")), "b": float("-inf"), "c": torch.tensor(1.5)})
    log.close()
    assert list(values) == ["a", "b", "c"]
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {"step": 1, "a": "nan", "b": "-inf", "c": 1.5}


def test_what_came_after_the_last_checkpoint_is_cut_off(tmp_path):
    log = Logbook(tmp_path)
    picture = tile(torch.zeros(1, 1, 4, 4))
    log.scalars(1, {"a": 1.0})
    log.picture(1, "samples", picture)
    offsets = log.commit()
    log.scalars(2, {"a": 2.0})
    log.picture(2, "samples", picture)
    log.close()
    log = Logbook(tmp_path, step=1, offsets=offsets)
    assert [path.name for path in (tmp_path / "samples").iterdir()] == ["step-000000001.png"]
    log.scalars(3, {"a": 3.0})
    log.close()
    assert [json.loads(line)["a"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()] == [1.0, 3.0]
    assert [(event.step, event.value) for event in read(tmp_path).Scalars("a")] == [(1, 1.0), (3, 3.0)]


def test_a_resumed_run_takes_back_the_end_it_had(tmp_path):
    log = Logbook(tmp_path)
    log.open_session({"loss": "hinge"})
    log.close(success=False)
    Logbook(tmp_path, step=0).close(success=True)
    events = read(tmp_path)
    end = events.SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
    assert metadata.parse_session_end_info_plugin_data(end).status == api_pb2.STATUS_SUCCESS
    assert len(list(tmp_path.glob("*.end"))) == 1


def test_committed_lengths_are_those_of_the_files_after_every_resume(tmp_path):
    """A position that was left behind a cut would make the next cut a run of zero bytes."""
    log = Logbook(tmp_path)
    log.scalars(1, {"a": 1.0})
    offsets = log.commit()
    log.scalars(2, {"a": 2.0})
    log.close()
    log = Logbook(tmp_path, step=1, offsets=offsets)
    assert log.commit() == offsets, "nothing was written since"
    log.close()
    assert (tmp_path / "metrics.jsonl").stat().st_size == offsets["metrics"]


def test_a_log_shorter_than_its_checkpoint_says_is_not_made_up(tmp_path):
    log = Logbook(tmp_path)
    log.scalars(1, {"a": 1.0})
    offsets = log.commit()
    log.close()
    (tmp_path / "metrics.jsonl").write_bytes(b"")
    with pytest.raises(RunError, match=r"metrics\.jsonl: 0 bytes, and the checkpoint counts on"):
        Logbook(tmp_path, step=1, offsets=offsets)
