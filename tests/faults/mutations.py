"""Whether the tests of kills can fail: break the code that saves and resumes, one line at a time, and see them go red.

    make mutations                                       # all of them, ten minutes
    python tests/faults/mutations.py noise cursor        # some

Each mutation is made in a copy of gan_cli, and the short tests of kills and damage run on the copy. Ends with 1 if they
stay green under one of them.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TESTS = ("kills", "damage", "order", "pauses")
COPIED = ("gan_cli", "conf", "tests/faults", "pyproject.toml")


@dataclass(frozen=True)
class Mutation:
    """One text in one file that becomes another."""

    name: str
    file: str
    old: str
    new: str = "pass"


RUN, LOGBOOK, CHECKPOINT = "run.py", "logbook.py", "checkpoint.py"
LOAD = "part.load_state_dict(state[name])"
MUTATIONS = (
    # What a checkpoint gives back.
    *(
        Mutation(name, RUN, LOAD, f'if name != "{key}": {LOAD}')
        for name, key in (
            *(("weights of D", "D"), ("average of G", "ema")),
            *(("optimizer of G", "opt_G"), ("optimizer of D", "opt_D")),
        )
    ),
    Mutation(
        "batch norm's statistics",
        RUN,
        "state[name])",
        '{k: v for k, v in state[name].items() if "running" not in k}, **({"strict": False} if name in nets else {}))',
    ),
    Mutation("random state", "chance.py", 'torch.set_rng_state(state["random"])'),
    Mutation("noise", RUN, 'self.noise.set_state(state["noise"])'),
    Mutation("cursor", RUN, 'state["step"], state["cursor"]', 'state["step"], 0'),
    Mutation("step", RUN, 'state["step"], state["cursor"]', '0, state["cursor"]'),
    Mutation("last penalty", RUN, 'self.last_penalty = state["last_penalty"].to(self.device)'),
    # What goes with it.
    Mutation("cut of the logs", LOGBOOK, "file.truncate(committed)"),
    Mutation(
        "purge of TensorBoard's points", LOGBOOK, "purge_step=0 if offsets is None else step + 1", "purge_step=None"
    ),
    Mutation(
        "purge of what never began", LOGBOOK, "purge_step=0 if offsets is None else step + 1", "purge_step=step + 1"
    ),
    Mutation("order of TensorBoard's files", "events.py", "for second in earlier", "for second in ()"),
    Mutation("removal of later pictures", LOGBOOK, "picture.unlink()"),
    Mutation("removal of litter", LOGBOOK, "leftover.unlink()"),
    Mutation("removal of litter in latest", "paths.py", "leftover.unlink(missing_ok=True)"),
    # How it is written.
    Mutation("checkpoint under a name of its own", CHECKPOINT, 'directory / f".tmp-{step}-{os.getpid()}"', "target"),
    Mutation(
        "small file under a name of its own", "files.py", 'path.with_name(f".tmp-{path.name}-{os.getpid()}")', "path"
    ),
    Mutation("picture under a name of its own", "grid.py", 'path.with_name(f".tmp-{path.name}-{os.getpid()}")', "path"),
    Mutation("events durable at a commit", LOGBOOK, "self._events.sync()"),
    Mutation("logs durable at a commit", LOGBOOK, "os.fsync(file.fileno())"),
    Mutation("checkpoint durable before it is named", CHECKPOINT, "            os.fsync(file.fileno())\n", ""),
    Mutation(
        "name durable before the prune", CHECKPOINT, "        _sync_directory(directory)\n    except", "    except"
    ),
    Mutation(
        "prune after the checkpoint is whole",
        CHECKPOINT,
        "        require_room(directory, len(data)",
        "        [old.unlink() for old in available(directory)]\n        require_room(directory, len(data)",
    ),
    Mutation("prune", CHECKPOINT, "older[keep - 1 :]", "older[keep + 2 :]"),
    Mutation("prune that a kill prevented", RUN, "checkpoint.prune(directory", "(directory"),
    # What is refused.
    Mutation("digest", CHECKPOINT, "_sha256(file)[:16] != match[2]", "False"),
    Mutation(
        "way back to an older one",
        CHECKPOINT,
        "for path in available(directory):",
        "for path in available(directory)[:1]:",
    ),
    Mutation("no start from zero: harmed", "resume.py", 'any((directory / "checkpoints").glob("step-*")) or ', ""),
    Mutation(
        "no start from zero: logged", "resume.py", "return not metrics.exists() or metrics", "return True or metrics"
    ),
    Mutation("no start from zero: gone", "resume.py", ' or read_or_empty(directory / "status.json").get("step")', ""),
    Mutation(
        "a word at a start from zero",
        "cli/resumption.py",
        '        warn(f"{job.shown} was ended',
        '        str(f"{job.shown} was ended',
    ),
    Mutation("lock", "cli/lock.py", "fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)"),
)


def copied(source: Path, place: Path) -> Path:
    """The parts of the project that the tests need, in a new directory."""
    for name in COPIED:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(
                source / name, place / name, ignore=shutil.ignore_patterns("__pycache__", "test_mutations.py")
            )
        else:
            shutil.copy(source / name, place / name)
    return place


def misfits(place: Path) -> list[str]:
    """Mutations whose text is not there exactly once, in words: the code has changed, and the list has to follow."""
    found = [(m, (place / "gan_cli" / m.file).read_text().count(m.old)) for m in MUTATIONS]
    return [f"{m.name}: {m.file} has {count} of {m.old!r}, not 1" for m, count in found if count != 1]


def mutate(place: Path, mutation: Mutation) -> None:
    """Change a copy."""
    path = place / "gan_cli" / mutation.file
    path.write_text(path.read_text().replace(mutation.old, mutation.new))


def complaint(place: Path) -> str | None:
    """What the tests say of a copy; None where all is well."""
    env = os.environ | {"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    code = "import sys, gan_cli, pytest; print(gan_cli.__file__); sys.exit(pytest.main(sys.argv[1:]))"
    tests = [f"tests/faults/test_{name}.py" for name in TESTS]
    command = [sys.executable, "-c", code, *tests, "-x", "-q", "-n0", "-p", "no:cacheprovider", "--basetemp=tmp"]
    done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True)
    if not done.stdout.startswith(str(place)) or done.returncode not in (0, 1):
        sys.exit(f"the tests did not run on the copy:\n{done.stdout}{done.stderr}")
    if done.returncode == 0:
        return None
    found = re.search(r"^(?:FAILED|ERROR) \S*/(test_\w+\.py)::(\w+)", done.stdout, re.MULTILINE)
    why = re.search(r"^E   +(.*)", done.stdout, re.MULTILINE)
    return f"{found[2] if found else done.stdout[-300:]}: {why[1][:150] if why else ''}"


def main(names: list[str]) -> int:
    """Try the mutations whose names hold one of these words, or all; print a table."""
    chosen = [m for m in MUTATIONS if not names or any(name in m.name for name in names)]
    survived = 0
    with tempfile.TemporaryDirectory() as scratch:
        source = copied(ROOT, Path(scratch, "source"))  # once: somebody may be at work on the code
        if misfits(source):
            sys.exit("\n".join(misfits(source)))
        for number, mutation in enumerate([None, *chosen]):
            place, since = copied(source, Path(scratch, str(number))), time.monotonic()
            if mutation:
                mutate(place, mutation)
            said = complaint(place)
            if mutation is None and said:
                sys.exit(f"the tests fail without a mutation: {said}")
            survived += mutation is not None and said is None
            verdict = "green, as it must be" if mutation is None else said or "SURVIVED"
            name = mutation.name if mutation else "no mutation"
            print(f"{name:40} {time.monotonic() - since:4.0f} s  {verdict}", flush=True)
            shutil.rmtree(place)
    print(f"{len(chosen) - survived} of {len(chosen)} mutations caught")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
