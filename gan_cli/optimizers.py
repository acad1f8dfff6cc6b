"""torch.optim's optimizers without torch's compiler, whose import takes longer than that of all else in torch.

PyTorch marks methods of every optimizer as closed to its compiler, or as a break in what is compiled. At their first
call the marks import the compiler (torch._dynamo, 900 modules), whether anything is ever compiled or not;
torch 2.15 has no public switch for that. Optimizers of our own would have numbers, states and options of their own,
and would be no help to whoever names another class of torch.optim. So the functions stay PyTorch's, and only the
marks go: what one covers it keeps in `__wrapped__`, as all decorators do. A mark is known by the module and the name
of its code. What is not known stays as it is, so that with a torch that marks in another way, all works as it did and
takes its seconds.
"""

import functools
import logging
from collections.abc import Callable
from types import CodeType
from typing import Any, TypeVar

import torch
from torch.optim import Optimizer

log = logging.getLogger(__name__)

_CLOSED = ("torch._compile", "inner")  # of torch._disable_dynamo
_BREAK = ("torch.optim.optimizer", "_use_grad")  # gradients off, and a break in the graph before and after
_HOOKS = ("torch.optim.optimizer", "wrapper")  # of a class that was used before; each class gets hooks of its own
_METHODS = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")

Function = Callable[..., Any]
Kind = TypeVar("Kind", bound=Optimizer)


def without_compiler(kind: type[Kind]) -> type[Kind]:
    """A class that does what this one does, to the bit, and does not import torch's compiler.

    Args:
        kind: of `torch.optim`; a class of somebody else's is given back as it is.
    """
    if kind.__module__.partition(".")[0] != "torch":
        return kind
    bare = {name: inner for name in _METHODS if (inner := _covered(getattr(kind, name), _CLOSED))}
    if len(bare) < len(_METHODS):
        log.info("this version of torch marks its optimizers in another way; its compiler is imported")
    hooked = _covered(kind.step, _HOOKS) or kind.step
    if step := _covered(hooked, _BREAK):
        bare["step"] = _without_gradients(step)
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), names | bare)


def _covered(function: Function, mark: tuple[str, str]) -> Function | None:
    """What a mark covers; None where this is another mark, or none."""
    code = getattr(function, "__code__", None)
    module = getattr(function, "__globals__", {}).get("__name__")
    known = isinstance(code, CodeType) and (module, code.co_name) == mark
    return getattr(function, "__wrapped__", None) if known else None


def _without_gradients(step: Function) -> Function:
    """A step outside of the graph, unless the optimizer is to be differentiated."""

    @functools.wraps(step)
    def plain(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        with torch.set_grad_enabled(self.defaults["differentiable"]):
            return step(self, *args, **kwargs)

    return plain
