"""Ends Airflow's components, at the latest when their starter is gone: `python -m include.watchdog` reads its pipe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

import psutil

from include.settings import PROJECT

STOP_SECONDS = 20


def stop(leaders: Iterable[int]) -> None:
    """End each session, given by its leader's id: politely first, so running tasks are told, then for good.

    By session and not by process group: Airflow gives each task a group of its own, which outlives a killed scheduler.
    """
    sessions = set(leaders)
    told = []
    for leader in sessions:
        with suppress(psutil.NoSuchProcess):
            told.append(psutil.Process(leader))
            told[-1].terminate()
    psutil.wait_procs(told, timeout=STOP_SECONDS)
    for _ in range(2):  # the second time what was forked meanwhile
        for pid in psutil.pids():
            with suppress(ProcessLookupError, PermissionError):
                if os.getsid(pid) in sessions:
                    os.kill(pid, signal.SIGKILL)


@contextmanager
def watchdog() -> Iterator[TextIO]:
    """Have a process stop the sessions whose leaders' ids are written here, one a line, if this process is killed.

    A component that asked Linux for a signal at its starter's death stayed where its tasks did not end. When the block
    ends the watchdog is dismissed: who is alive stops what he started himself.
    """
    heard, told = os.pipe()
    with os.fdopen(told, "w", buffering=1) as ids:
        process = subprocess.Popen(
            [sys.executable, "-m", "include.watchdog"], cwd=PROJECT, stdin=heard, start_new_session=True
        )
        os.close(heard)
        try:
            yield ids
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    stop([int(line) for line in sys.stdin])
