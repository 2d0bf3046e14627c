"""One user of a home at a time: the lock that `make run` and `make up` take."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from include.settings import Settings


class HomeInUseError(RuntimeError):
    """Another run, or a running deployment, works in this home."""


@contextmanager
def hold_home(settings: Settings, what: str) -> Iterator[int]:
    """Hold the home for `what` (told to whoever else asks) until the block ends or the process dies.

    Yields the lock's file descriptor; a child that inherits it keeps the home held as long as it lives.

    Raises HomeInUseError when the home is held, OSError when the home cannot be made or written.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(settings.home / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another process"
            raise HomeInUseError(
                f"{settings.home} is in use by {holder}. Wait until it is done, stop it, or set ATTRIBUTION_HOME to "
                "another folder."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{what} (process {os.getpid()})\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)
