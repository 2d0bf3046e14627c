"""The home: its owner's, one user at a time, and on a disk that may be full."""

from __future__ import annotations

import errno
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from include.home import LEAST_BYTES, HomeInUseError, full, hold_home, in_words, keep_private
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
    settings.home.chmod(0o1777)  # a folder that everybody writes to stays as it is
    keep_private(settings)
    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o1777


def test_a_second_user_learns_who_holds_the_home_and_a_killed_one_leaves_no_lock(settings: Settings) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.home)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for _ in range(2):
            with (
                pytest.raises(HomeInUseError, match=rf"in use by make run \(process {holder.pid}\)"),
                hold_home(settings, "make up"),
            ):
                pass
        holder.kill()
        holder.wait()
    for what in ("make up", "make run"):
        with hold_home(settings, what):
            pass


def test_a_disk_is_full_below_what_a_run_needs(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert full(settings.home / "nowhere") is None
    for free, told in ((LEAST_BYTES, False), (LEAST_BYTES - 1, True)):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: SimpleNamespace(free=free))
        assert (full(settings.home) is not None) == told
    assert f"The disk that holds {settings.home} is full (64 MB are free). Make room" in str(full(settings.home))
    assert in_words(OSError(errno.ENOSPC, "No space left", "/home/x")).startswith("The disk is full. Make room")
    assert in_words(OSError(errno.EACCES, "Permission denied")) == "[Errno 13] Permission denied"
