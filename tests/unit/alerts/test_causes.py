"""Why a task failed: in plain words, and without a secret."""

from __future__ import annotations

import os
import time

import pytest

from include.alerts.causes import LONGEST, Cause, in_words, note, noted
from include.quality import ChecksFailedError
from include.settings import Settings

RUN = ("attribution_microbatch", "manual__2026-01-31T12:00:00+00:00", "quality_gate")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "The disk is full. Make room"),
        (RuntimeError("IO Error: Could not set lock on file x"), "The warehouse is open in another process."),
        ("Task did not emit heartbeat within time limit", "The task's process was killed or lost"),
        (
            "Executor LocalExecutor(parallelism=8) reported that the task instance finished with state failed",
            "The task's process was killed or lost",
        ),
        (ConnectionRefusedError(111, "Connection refused"), "A server that the task needs does not answer."),
        (ValueError("something new"), "ValueError: something new"),
        (None, "The task ended without a word"),
        (ChecksFailedError("assert_x: 12 rows", "", 12), "assert_x: 12 rows"),
    ],
)
def test_a_cause_in_plain_words(error: BaseException | str | None, words: str) -> None:
    assert in_words(error).startswith(words)


def test_an_endless_error_is_cut() -> None:
    assert len(in_words(ValueError("x" * 10_000))) < LONGEST + 20


def test_a_cause_is_kept_for_a_week_with_its_rows_and_without_secrets(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "killed" in noted(settings, *RUN).words, "a task that could not say why"
    monkeypatch.setenv("SHOP_API_KEY", "k3y-of-the-shop")
    note(settings, *RUN, ChecksFailedError("k3y-of-the-shop postgresql://me:word@db/x: 12 rows", "", 12))
    assert noted(settings, *RUN) == Cause("*** postgresql://***@db/x: 12 rows", 12)
    (path,) = (settings.home / "alerts" / "causes").iterdir()
    os.utime(path, (time.time() - 30 * 86_400,) * 2)
    note(settings, RUN[0], RUN[1], "audit", "new")
    assert "killed" in noted(settings, *RUN).words
    assert noted(settings, RUN[0], RUN[1], "audit").words == "new"
