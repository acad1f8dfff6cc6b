"""What the tests of trackers share: nothing leaves this machine, and nothing is read that its user set."""

import os

import pytest


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The working directory of the tests of a module: MLflow takes seconds to make a database."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module", autouse=True)
def _at_home(home):
    """No network, no telemetry, and no settings of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("WANDB_", "MLFLOW_"))]:
            patch.delenv(name)
        patch.setenv("WANDB_MODE", "offline")
        patch.setenv("WANDB_ERROR_REPORTING", "false")
        patch.setenv("WANDB_X_DISABLE_STATS", "true")
        for name in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
            patch.setenv(name, str(home))
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.chdir(home)
        yield
