"""What Linux says of the processor; nothing is known on other systems."""

import functools
from pathlib import Path

INFO = Path("/proc/cpuinfo")


@functools.cache
def facts(path: Path = INFO) -> dict[str, str]:
    """The first core's lines, by their names in small letters: `vendor_id`, `flags` (`features` on ARM), ..."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def can(*instructions: str, path: Path = INFO) -> bool:
    """Whether the processor has any of these, in Linux's words."""
    found = facts(path)
    return not set(instructions).isdisjoint(f"{found.get('flags', '')} {found.get('features', '')}".split())


def vendor(path: Path = INFO) -> str:
    """Who made an x86 processor, in its own words; empty for others."""
    return facts(path).get("vendor_id", "")
