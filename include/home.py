"""The home: its owner's alone, one user at a time by the lock that `make run` and `make up` take, and a full disk."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from include.settings import Settings

log = logging.getLogger(__name__)


class StartError(RuntimeError):
    """A command cannot start; the message says what to change."""


class HomeInUseError(StartError):
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


@contextmanager
def hold_home(settings: Settings, what: str) -> Iterator[int]:
    """Hold the home for `what` (told to whoever else asks) until the block ends or the process dies.

    Yields the lock's file descriptor; a child that inherits it keeps the home held as long as it lives.

    Raises HomeInUseError when the home is held, OSError when the home cannot be made or written.
    """
    keep_private(settings)
    path = settings.home / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            starter = path.read_text(errors="replace")[:200].strip() or "another process"
            raise HomeInUseError(
                f"{settings.home} is in use by {starter} or what it started. Wait until it is done, stop it, or set "
                "ATTRIBUTION_HOME to another folder."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{what} (process {os.getpid()})\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


#: With less room the next publish or checkpoint fails.
LEAST_BYTES = 64 * 2**20


def full(home: Path) -> str | None:
    """That the home's disk is full, and what to do; None where there is room, or no telling."""
    try:
        free = shutil.disk_usage(home).free
    except OSError:
        return None
    if free >= LEAST_BYTES:
        return None
    return (
        f"The disk that holds {home} is full ({free / 2**20:.0f} MB are free). Make room, then start again; readers "
        "keep what was published last."
    )


def in_words(error: Exception) -> str:
    """What an error says, and that the disk is full where that is its cause."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return f"The disk is full. Make room, then start again. ({error})"
    return str(error)
