"""Ends what a command started when it ends or is killed: `python -m include.watchdog SIGNAL SECONDS` reads a pipe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

import psutil

from include.settings import PROJECT

STOP_SECONDS = 20


def _works(leader: int) -> bool:
    """Whether the process is more than an entry that its parent has not collected."""
    try:
        return psutil.Process(leader).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stop(leaders: Iterable[int], politely: int = signal.SIGTERM, seconds: float = STOP_SECONDS) -> None:
    """End each session, given by its leader's id: politely first, so running tasks are told, then for good.

    By session and not by process group: Airflow gives each task a group of its own, which outlives a killed scheduler.
    """
    sessions = set(leaders)
    for leader in sessions:
        with suppress(ProcessLookupError):
            os.kill(leader, politely)
    until = time.monotonic() + seconds
    while any(_works(leader) for leader in sessions) and time.monotonic() < until:
        time.sleep(0.1)
    for _ in range(2):  # the second time what was forked meanwhile
        for pid in psutil.pids():
            with suppress(ProcessLookupError, PermissionError):
                if os.getsid(pid) in sessions:
                    os.kill(pid, signal.SIGKILL)


@contextmanager
def watchdog(politely: int = signal.SIGTERM, seconds: float = STOP_SECONDS) -> Iterator[TextIO]:
    """Have a process stop the sessions whose leaders' ids are written here, one a line, when the block ends.

    It does so too where this process is killed, by the end of the pipe. A component that asked Linux for a signal at
    its starter's death stayed where its tasks did not end.
    """
    heard, told = os.pipe()
    process = subprocess.Popen(  # noqa: S603 - a fixed command
        [sys.executable, "-m", "include.watchdog", str(int(politely)), str(seconds)],
        cwd=PROJECT,
        stdin=heard,
        start_new_session=True,
    )
    os.close(heard)
    try:
        with os.fdopen(told, "w", buffering=1) as ids:
            yield ids
    finally:
        process.wait()


if __name__ == "__main__":
    stop([int(line) for line in sys.stdin], int(sys.argv[1]), float(sys.argv[2]))
