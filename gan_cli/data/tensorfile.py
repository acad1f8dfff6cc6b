"""The tensors of a .pt file: plain ones, mapped from the file, and nothing else in it."""

import pickletools
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from gan_cli.data.archive import open_archive

MAX_TABLE = 2**20  # bytes of the table that says what is where: some thousand tensors
ALLOWED = {  # what plain tensors are made of; the rest of torch's own list makes sparse, quantised and empty ones
    *("torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter"),
    *("collections OrderedDict", "torch Size", "torch device"),
}


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a dict by name, or the only one without a name; their values are read where they are used.

    Raises:
        ValueError: other things than plain tensors, or tensors with more values than the file has.
        Exception: what torch and zipfile raise on a damaged file.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError("it is damaged, or older than torch 1.6")
    with open_archive(path) as archive:
        _check_table(archive)
    # the names in the table are checked above, and weights_only, given here, is stronger than any environment variable
    loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    found = loaded if isinstance(loaded, dict) else {"": loaded}
    tensors = {str(key): value.detach() for key, value in found.items() if isinstance(value, Tensor)}
    if not tensors:
        raise ValueError(f"it holds a {type(loaded).__name__}, not a tensor or a dict of tensors")
    size = path.stat().st_size
    for name, tensor in tensors.items():
        if tensor.numel() * tensor.element_size() > size:
            raise ValueError(f"{name[:40]!r} of {list(tensor.shape)} is spread out of fewer values; save its clone()")
    return tensors


def _check_table(archive: zipfile.ZipFile) -> None:
    tables = [member for member in archive.infolist() if member.filename.endswith("data.pkl")]
    if len(tables) != 1:
        raise ValueError("it is no file of torch.save")
    if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
        raise ValueError("it is packed, which torch.save never does")
    if tables[0].file_size > MAX_TABLE:
        raise ValueError(f"its table of tensors has {tables[0].file_size >> 20} MB; {MAX_TABLE >> 20} at most")
    for opcode, argument, _ in pickletools.genops(archive.read(tables[0])):
        if opcode.name in ("STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"):
            raise ValueError("it names things in a way that torch.save does not")
        if opcode.name == "GLOBAL":
            module, _, name = str(argument).partition(" ")
            if argument not in ALLOWED and not (module == "torch" and name.endswith("Storage")):
                raise ValueError(f"it holds a {str(argument)[:60]!r}, which is no plain tensor")
