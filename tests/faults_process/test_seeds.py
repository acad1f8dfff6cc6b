"""The seed says which run it is: the same one the same, each other one another, from the first to the last there is."""

import re
from pathlib import Path

from faults_process.conftest import with_


def digest(gan_train, seed: int, place: str) -> str:
    code, out, _ = gan_train(*with_("train.steps=3", f"hydra.run.dir={place}"), f"seed={seed}")
    assert code == 0
    return re.search(r"final state sha256: ([0-9a-f]{64})", out)[1]


def test_equal_seeds_have_equal_digests_and_all_others_have_others(gan_train):
    seeds = [0, 1, 2**63 - 2, 2**63 - 1]
    found = {seed: digest(gan_train, seed, f"a{seed}") for seed in seeds}
    assert len({*found.values()}) == len(seeds)
    assert digest(gan_train, 2**63 - 1, "again") == found[2**63 - 1]


def test_two_default_runs_in_one_second_have_two_directories(gan_train, monkeypatch):
    settings = [override for override in with_("train.steps=1") if not override.startswith("hydra.run.dir")]
    codes = [gan_train(*settings)[0] for _ in range(2)]
    assert codes == [0, 0]
    first, second = sorted(path.parent.name for path in Path("outputs").glob("*/*/run.json") if path.parent.is_dir())
    assert first != second
