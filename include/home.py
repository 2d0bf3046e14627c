"""The home: its owner's alone, and one user at a time by the lock that `make run` and `make up` take."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from include.settings import Settings

log = logging.getLogger(__name__)

STOP_SECONDS = 10
SETTLE_SECONDS = 0.2


class HomeInUseError(RuntimeError):
    """Another run, or a running deployment, works in this home."""


def _set_mode(path: Path, mode: int) -> None:
    """Set the permissions, and leave what else the mode says (setgid) as it is."""
    with suppress(FileNotFoundError):
        found = path.stat().st_mode
        if stat.S_IMODE(found) & 0o777 != mode:
            path.chmod(mode | stat.S_IMODE(found) & 0o7000)


def keep_private(settings: Settings) -> None:
    """Make the home its owner's alone, but for the published file where PUBLISHED_READERS names others.

    Others then pass through the home (execute, no read), to whose other content they have no right. A home that belongs
    to another user, or that everybody writes to (`/tmp`), stays as it is; so does one on a disk without permissions.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    found, mode = settings.home.stat(), settings.readers_mode
    if found.st_uid != os.geteuid() or found.st_mode & stat.S_ISVTX:
        return
    try:
        if mode != 0o700:  # noqa: PLR2004 - the owner's
            for path in settings.home.iterdir():
                if path != settings.published.parent and not path.is_symlink():
                    _set_mode(path, 0o700 if path.is_dir() else 0o600)
            settings.published.parent.mkdir(exist_ok=True)
            _set_mode(settings.published.parent, mode)
            _set_mode(settings.published, mode & 0o444)
        _set_mode(settings.home, 0o700 | mode & 0o011)
    except OSError as error:
        log.warning("%s cannot be kept from other users: %s", settings.home, error)


def holders(path: Path) -> list[psutil.Process]:
    """The processes of this user that have the file open."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if any(Path(one.path) == path for one in process.open_files()):
                found.append(process)
    return found


def _lock(path: Path) -> int | None:
    """The descriptor of the locked file; None where another process holds the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _works(process: psutil.Process) -> bool:
    """Whether the process is more than an entry that its parent has not collected."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _end_orphans(path: Path, starter: str, left: list[psutil.Process]) -> None:
    """End what a starter that is gone left running: each statement of it is in or not."""
    log.warning("%s is gone. Ending what it left running: %s", starter, ", ".join(f"process {one.pid}" for one in left))
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                end(process)
        until = time.monotonic() + STOP_SECONDS
        while (left := [process for process in left if _works(process)]) and time.monotonic() < until:
            time.sleep(0.1)


def _locked(settings: Settings) -> int:
    """The descriptor of the home's lock, taken from processes whose starter is gone. Raises HomeInUseError."""
    path = settings.home.resolve() / "lock"
    descriptor = _lock(path)
    if descriptor is not None:
        return descriptor
    starter = path.read_text(errors="replace")[:200].strip() or "another process"
    named = re.search(r"process (\d+)", starter)
    found = holders(path)
    time.sleep(SETTLE_SECONDS)  # whoever only asks, as we did, has let go of the file by then
    still = holders(path)
    found = [process for process in found if process in still]
    if found and named and int(named[1]) not in {process.pid for process in found}:
        _end_orphans(path, starter, found)
    elif not found:
        starter += " or what it started (this user sees no such process: another user's, or in another container)"
    descriptor = _lock(path)
    if descriptor is None:
        raise HomeInUseError(
            f"{settings.home} is in use by {starter}. Wait until it is done, stop it, or set ATTRIBUTION_HOME to "
            "another folder."
        )
    return descriptor


@contextmanager
def hold_home(settings: Settings, what: str) -> Iterator[int]:
    """Hold the home for `what` (told to whoever else asks) until the block ends or the process dies.

    Yields the lock's file descriptor; a child that inherits it keeps the home held as long as it lives. What a killed
    holder left running is ended first.

    Raises HomeInUseError when the home is held, OSError when the home cannot be made or written.
    """
    keep_private(settings)
    descriptor = _locked(settings)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{what} (process {os.getpid()})\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)
