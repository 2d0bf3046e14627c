"""A disk that is full, told in words."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

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
