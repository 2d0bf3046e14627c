"""What a proof says and records, and who gets to see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from include.proof import Proof, ProofFailedError, conclude
from include.proof_compare import Difference
from include.settings import Settings

Run = Callable[[str], None]
DIFFERENCE = Difference("int_sessions", 10, 9, 2, 1, ("source",))
SOUND = Proof(("int_sessions",), 10, ("stg_ga_events/events_20260101",), (), 1.5)
WRONG = replace(SOUND, differences=(DIFFERENCE,))


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query on the warehouse."""
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_difference_is_recorded_and_raised_with_the_place_of_its_rows(settings: Settings, warehouse: Run) -> None:
    with pytest.raises(ProofFailedError) as failed:
        conclude(settings, "night 1", WRONG)
    assert str(failed.value).splitlines() == [
        "int_sessions: 2 of 10 rows only live, 1 of 9 only rebuilt; columns source",
        f"All of these rows stand in {settings.home}/proof/differences.duckdb.",
    ]
    assert rows(settings, "select differing_rows from proofs") == [(3,)]


def test_a_sound_proof_is_recorded_once_a_run(settings: Settings, warehouse: Run) -> None:
    before = datetime.now(UTC).replace(tzinfo=None)
    for _ in range(2):
        conclude(settings, "night 1", SOUND)
    ((proved_at, *row),) = rows(settings, "select proved_at, * exclude (proved_at) from proofs")
    assert row == ["night 1", 1, 10, 0, 1, 1.5]
    assert before <= proved_at <= datetime.now(UTC).replace(tzinfo=None)
