"""gan-cli: train generative adversarial networks from the command line, or from Python.

    from gan_cli import compose, build, train

    run = train(build(compose("loss=hinge", "model=mlp", "train.steps=200")))
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan_cli.api import build, compose, draw, train

__all__ = ["__version__", "build", "compose", "draw", "train"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Imported when they are first asked for: a second of torch is no part of `import gan_cli`."""
    from importlib import import_module

    if name in ("build", "compose", "draw", "train"):
        return getattr(import_module("gan_cli.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
