"""A full disk in words."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from include.home import LEAST_BYTES, full, in_words


def test_a_disk_is_full_below_what_a_run_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, told in ((LEAST_BYTES, False), (LEAST_BYTES - 1, True)):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: SimpleNamespace(free=free))
        assert (full(tmp_path) is not None) == told
    assert f"The disk that holds {tmp_path} is full (64 MB are free). Make room" in str(full(tmp_path))


def test_no_home_is_no_full_disk(tmp_path: Path) -> None:
    assert full(tmp_path / "nowhere") is None


def test_an_error_of_a_full_disk_says_so() -> None:
    assert in_words(OSError(errno.ENOSPC, "No space left on device", "/home/x")).startswith(
        "The disk is full. Make room"
    )
    assert in_words(OSError(errno.EACCES, "Permission denied")) == "[Errno 13] Permission denied"
