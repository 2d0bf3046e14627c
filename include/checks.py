"""The table of checks: what each found in the last run, and all that was found before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from include.quality import Finding, examine, require_passed
from include.settings import Settings
from include.store import Table, open_store
from include.transform import GATE, GATE_OF_DAYS, Selection
from include.wording import clock

KEPT = timedelta(days=90)

#: One row a run, stage (gate, audit) and check. status: pass, warn, fail, error. failures: rows found, null where the
#: check could not run. detail: the first of them, a line each, where they hold nobody's data.
CHECKS = Table(
    "checks",
    {
        "run_id": "text",
        "stage": "text",
        "name": "text",
        "path": "text",
        "checked_at": "timestamp",
        "status": "text",
        "failures": "integer",
        "detail": "text",
    },
    key=("run_id", "stage", "name"),
)

FORGET = """
delete from checks
where run_id = $run and stage = $stage or run_id <> $run and status = 'pass' or checked_at < $oldest
"""

#: A row where a table of the export came or changed that no published run shows yet.
OPEN_TABLES = """
select 1 from int_journal as taken
where taken.entry = 'shard' and taken.model = 'stg_ga_events' and taken.version is not null and not exists (
    select 1 from int_journal as p where p.entry = 'done' and p.model = 'publish' and p.batch_id = taken.batch_id
)
limit 1
"""


def gate(settings: Settings, *, nightly: bool = False) -> Selection:
    """The checks of the gate: those of whole days too where a table of the export has come, and each night.

    Raises WarehouseError where the warehouse cannot be opened.
    """
    with open_store(settings) as store:
        return GATE_OF_DAYS if nightly or store.rows(OPEN_TABLES) else GATE


def detail(finding: Finding) -> str | None:
    """The first rows found, a line each; None where there are none, or where they may hold somebody's data. Pure."""
    if not (finding.about_nobody and finding.rows):
        return None
    return "\n".join(
        ", ".join(
            f"{column} {clock(value) if isinstance(value, datetime) else value}"
            for column, value in zip(finding.columns, row, strict=True)
        )
        for row in finding.rows
    )


def record(settings: Settings, run_id: str, stage: str, findings: Sequence[Finding]) -> None:
    """Write what a stage of a run found; a rerun replaces its own.

    What passed in earlier runs is dropped, what was found then is kept for 90 days: the table stays small.

    Raises WarehouseError where the warehouse cannot be opened.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    values = [(run_id, stage, f.name, f.path, str(now), f.status, f.failures, detail(f)) for f in findings]
    rows = [dict(zip(CHECKS.columns, row, strict=True)) for row in values]
    with open_store(settings) as store:
        store.make(CHECKS)
        store.run(FORGET, run=run_id, stage=stage, oldest=now - KEPT)
        store.append(CHECKS.name, rows)


def hold(settings: Settings, selection: Selection, *, run_id: str, stage: str) -> dict[str, int]:
    """Run a stage's checks, record what they found, and stop where it is more than a warning.

    Returns how many checks ended in each status. Raises ChecksFailedError as require_passed, DbtError as examine.
    """
    findings = examine(settings, selection)
    record(settings, run_id, stage, findings)
    require_passed([finding for finding in findings if not finding.passed])
    states = [finding.status for finding in findings]
    return {state: states.count(state) for state in sorted(set(states))}
