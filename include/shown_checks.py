"""What the checks of the last published run found, for whoever reads the result of a run."""

from __future__ import annotations

from dataclasses import dataclass

from include.attention import LAST_RUN
from include.dashboard.health import CHECKS
from include.dashboard.marts import open_marts
from include.settings import Settings
from include.wording import counted


def _rows(failures: int | None) -> str:
    return "did not run" if failures is None else counted(failures, "row")


@dataclass(frozen=True)
class LastChecks:
    """What the checks of the last published run found: how many passed, and a line for each that warned."""

    passed: int
    warnings: tuple[str, ...]


def last_checks(settings: Settings) -> LastChecks:
    """The checks of the last published run. Raises MartsError where none was published."""
    marts = open_marts(settings)
    rows = [row for run in marts.ask(LAST_RUN) for row in marts.ask(CHECKS, run=run["run_id"])]
    warned = [
        "\n".join([f"{row['name']} ({row['stage']}): {_rows(row['failures'])}", *(row["detail"] or "").splitlines()])
        for row in rows
        if row["status"] != "pass"
    ]
    return LastChecks(len(rows) - len(warned), tuple(warned))
