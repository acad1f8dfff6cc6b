"""`gan-train`, started by another command, which it does not outlive: where that one is killed, it saves and ends."""

import os
import signal
import sys
import threading
import time

from gan_cli.cli.entry import train


def main() -> None:
    """The first argument is the process of the other command; the rest are those of `gan-train`."""
    parent = int(sys.argv.pop(1))
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    train()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)  # as to the user's own: the job saves, the sweep takes note


if __name__ == "__main__":
    main()
