"""One user of a home at a time."""

from __future__ import annotations

import stat
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from include.home import HomeInUseError, hold_home, keep_private
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


ORPHAN = """
import subprocess, sys
from pathlib import Path
from include.home import hold_home
from include.settings import Settings
with hold_home(Settings(home=Path(sys.argv[1]), ga4_export=Path(sys.argv[1])), "make up") as lock:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], pass_fds=(lock,))
    print(child.pid, flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_holder_left_running_is_ended(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(settings.home)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        orphan = psutil.Process(int(holder.stdout.readline()))
        with pytest.raises(HomeInUseError, match=f"process {holder.pid}"), hold_home(settings, "make run"):
            pass
        assert orphan.is_running()
        holder.kill()
    with hold_home(settings, "make run"):
        assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
    assert f"make up (process {holder.pid}) is gone. Ending what it left running: process {orphan.pid}" in caplog.text


@pytest.mark.parametrize(
    ("readers", "home", "published", "others"),
    [("owner", 0o700, 0o755, 0o755), ("group", 0o710, 0o750, 0o700), ("all", 0o711, 0o755, 0o700)],
)
def test_the_home_is_its_owners(settings: Settings, readers: str, home: int, published: int, others: int) -> None:
    """Also one that was made by umask 022; what others may enter shows them nothing but what is published."""
    settings.published.parent.mkdir()
    settings.warehouse.touch()
    for path in (settings.home, settings.published.parent, settings.ga4_export.parent):
        path.chmod(0o755)
    keep_private(replace(settings, published_readers=readers))
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (settings.home, settings.published.parent)]
    assert modes == [home, published]
    assert stat.S_IMODE(settings.ga4_export.parent.stat().st_mode) == others
    assert stat.S_IMODE(settings.warehouse.stat().st_mode) == (0o644 if readers == "owner" else 0o600)


def test_a_home_that_everybody_writes_to_stays_as_it_is(settings: Settings) -> None:
    settings.home.chmod(0o1777)
    keep_private(settings)
    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o1777


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
