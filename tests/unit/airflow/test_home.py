"""One user of a home at a time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from include.home import HomeInUseError, hold_home
from include.settings import PROJECT, Settings

HOLD = """
import sys
from pathlib import Path
from include.home import hold_home
from include.settings import Settings
with hold_home(Settings(home=Path(sys.argv[1]), ga4_export=Path(sys.argv[1])), "make run"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_user_learns_who_holds_the_home(settings: Settings) -> None:
    with hold_home(settings, "make up"), pytest.raises(HomeInUseError, match=r"in use by make up \(process \d+\)"):  # noqa: SIM117
        with hold_home(settings, "make run"):
            pass


def test_the_home_is_free_again_afterwards(settings: Settings) -> None:
    for what in ("make up", "make run"):
        with hold_home(settings, what):
            pass


def test_a_killed_holder_leaves_no_lock(settings: Settings) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.home)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(HomeInUseError, match=f"process {holder.pid}"), hold_home(settings, "make run"):
            pass
        holder.kill()
        holder.wait()
    with hold_home(settings, "make run"):
        pass
