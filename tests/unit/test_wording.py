"""Counts and lengths of time as people read them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from include.wording import counted, length


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(days=14, hours=3, minutes=59), "14 d 3 h"),
        (timedelta(days=14), "14 d"),
        (timedelta(hours=3, seconds=59), "3 h"),
        (timedelta(minutes=4, seconds=59, microseconds=999_999), "4 min 59 s"),
        (timedelta(seconds=15, microseconds=102_600), "15 s"),
        (timedelta(microseconds=1), "0.001 ms"),
        (timedelta(0), "0 s"),
    ],
)
def test_lengths(span: timedelta, text: str) -> None:
    assert length(span) == text


def test_counts() -> None:
    assert (counted(1, "file"), counted(1200, "row"), counted(2, "batch", "batches")) == (
        "1 file",
        "1,200 rows",
        "2 batches",
    )
