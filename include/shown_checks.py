"""What the checks of the last published run found, for whoever reads the result of a run."""

from __future__ import annotations

from dataclasses import dataclass

from include.settings import Settings
from include.store import read_published
from include.wording import counted

LAST = """
select stage, name, status, failures, detail from checks
where run_id = (select run_id from pipeline_runs order by published_at desc, run_id limit 1)
order by status = 'pass', stage, name
"""


def _rows(failures: int | None) -> str:
    return "did not run" if failures is None else counted(failures, "row")


@dataclass(frozen=True)
class LastChecks:
    """What the checks of the last published run found: how many passed, and a line for each that warned."""

    passed: int
    warnings: tuple[str, ...]


def last_checks(settings: Settings) -> LastChecks:
    """The checks of the last published run."""
    rows = read_published(settings, LAST) or []
    warned = [
        "\n".join([f"{name} ({stage}): {_rows(failures)}", *(detail or "").splitlines()])
        for stage, name, status, failures, detail in rows
        if status != "pass"
    ]
    return LastChecks(len(rows) - len(warned), tuple(warned))
