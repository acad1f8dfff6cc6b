"""The code itself: what could run somebody else's code is not in it, but where it must be, with a reason."""

import ast
from collections.abc import Iterator
from pathlib import Path

import gan_cli

PACKAGE = Path(gan_cli.__file__).parent

# Calls by the name that they end in, with what they may not have, or must have.
REFUSED = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "marshal", "shelve", "unsafe_load", "full_load",
    "load_all", "FullLoader", "UnsafeLoader", "pickle", "dill", "joblib", "load_state_dict_from_url", "hub",
}  # fmt: skip
METHODS = ("eval", "compile")  # net.eval() and re.compile() run no code of others
ALLOWED = {
    ("data/cifar.py", "pickle"): "the published files are pickles; the MD5 of the very bytes is checked first",
    ("settings.py", "compile"): "the name of a setting",
    ("features/inception.py", "hub"): "says where downloads lie; what is there is checked by SHA-256",
}
NEEDS = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_no_code_of_others_can_run():
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        tree, where = ast.parse(path.read_text()), str(path.relative_to(PACKAGE))
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [part for alias in node.names for part in alias.name.split(".")]
                names += (getattr(node, "module", None) or "").split(".")
            elif isinstance(node, ast.Name):
                names = [node.id]
            elif isinstance(node, ast.Attribute):
                names = [ast.unparse(node)] + ([] if node.attr in METHODS else [node.attr])
            found |= {(where, name) for name in names if name in REFUSED}
    assert found <= set(ALLOWED), f"new: {found - set(ALLOWED)}; say in ALLOWED why it must be"


def test_what_can_unpickle_is_told_not_to():
    for path in sorted(PACKAGE.rglob("*.py")):
        for name, call in calls(ast.parse(path.read_text())):
            keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            if name in NEEDS:
                key, value = NEEDS[name]
                assert keywords.get(key) == str(value), f"{path.name}, line {call.lineno}: {name} without {key}={value}"
            assert keywords.get("shell", "False") == "False", f"{path.name}, line {call.lineno}: a shell"
            if name == "yaml.load":
                assert path.name == "reading.py", f"{path.name}, line {call.lineno}: yaml.load outside reading.py"


READERS = ("listing", "record", "export", "resume", "stored", "health", "history", "probe", "dirac", "alarms", "paths")
OPENS = ("open", "read_text", "load_file", "fromfile", "memmap")


def test_the_files_of_a_run_are_read_in_one_place():
    """By gan_cli.reading, and checkpoints by gan_cli.checkpoint. `run.open` opens no file, but a run."""
    for module in READERS:
        for name, call in calls(ast.parse((PACKAGE / f"{module}.py").read_text())):
            last = name.split(".")[-1]
            by_itself = last in OPENS or (last == "read_bytes" and name != last)
            assert not by_itself or name == "run.open", f"{module}.py, line {call.lineno}: {name}"
