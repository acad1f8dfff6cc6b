"""What a process has in place of log, screen and status where another one speaks for it."""

from typing import Any, Self


class Silent:
    """Takes every call, and does nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
