"""The quality gate and the audit: dbt's tests, run in process, with the failing rows in the report."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from include.settings import Settings
from include.transform import DbtError, Selection, run_dbt

if TYPE_CHECKING:
    from dbt.artifacts.schemas.run import RunResult

log = logging.getLogger(__name__)

SAMPLE_ROWS = 10


class ChecksFailedError(RuntimeError):
    """Some checks failed; the message names each with its count of rows, `report` shows some, `rows` is how many."""

    def __init__(self, message: str, report: str, rows: int) -> None:
        """Keep the report for whoever shows the failure outside the log."""
        super().__init__(message)
        self.report = report
        self.rows = rows


@dataclass(frozen=True)
class Finding:
    """What a dbt test found, or that it could not run.

    status: dbt's (pass, warn, fail, error). failures: rows found; None where the test itself broke. columns and rows:
    up to SAMPLE_ROWS of them. about_nobody: they hold no person's data, by the test's `meta`.
    """

    name: str
    path: str
    status: str
    failures: int | None
    message: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()
    about_nobody: bool = False

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return self.status not in {"fail", "error", "warn"}

    @property
    def stops(self) -> bool:
        """Whether this keeps the marts from being published; a warning does not."""
        return not self.passed and self.status != "warn"

    def __str__(self) -> str:
        """One line: what failed, where, how many rows."""
        count = "did not run" if self.failures is None else f"{self.failures} row{'' if self.failures == 1 else 's'}"
        return f"{self.name} ({self.path}): {count}"


def sample(settings: Settings, compiled_code: str) -> tuple[tuple[str, ...], tuple[tuple[object, ...], ...]]:
    """Columns and up to SAMPLE_ROWS rows of the query with which a test failed, on whichever engine dbt runs."""
    inline = f"{{% raw %}}{compiled_code}{{% endraw %}}"
    for shown in run_dbt(settings, "show", "--inline", inline, "--limit", str(SAMPLE_ROWS), "--no-write-json"):
        if shown.agate_table is not None:
            return tuple(shown.agate_table.column_names), tuple(tuple(row) for row in shown.agate_table.rows)
    return (), ()


def _finding(settings: Settings, result: RunResult) -> Finding:
    broken = result.status == "error"
    query: str | None = getattr(result.node, "compiled_code", None)
    passed = result.status not in {"fail", "error", "warn"}
    columns, rows = ((), ()) if broken or passed or query is None else sample(settings, query)
    return Finding(
        name=result.node.name,
        path=result.node.original_file_path,
        status=str(result.status),
        failures=None if broken else result.failures,
        message=str(result.message),
        columns=columns,
        rows=rows,
        about_nobody=bool(result.node.config.meta.get("about_nobody")),
    )


def examine(settings: Settings, selection: Selection) -> list[Finding]:
    """Run the selected dbt tests; what each found, in dbt's order, those that passed included.

    A test that spans models outside the selection runs only where those were built before it.

    Raises DbtError when dbt cannot run, or when the selection names no test: a gate without checks would pass anything.
    """
    ran = run_dbt(settings, "test", *selection.arguments(), "--indirect-selection", "buildable", "--no-write-json")
    results = [one for one in ran if str(one.node.resource_type) == "test"]  # not what runs as dbt starts
    if not results:
        raise DbtError(f"no dbt test is selected by {' '.join(selection.arguments())}; look in include/transform.py")
    log.info("%d tests ran", len(results))
    return [_finding(settings, one) for one in results]


def check(settings: Settings, selection: Selection) -> list[Finding]:
    """As examine, without those that passed: an empty list means that nothing was found."""
    return [finding for finding in examine(settings, selection) if not finding.passed]


def as_table(finding: Finding) -> str:
    """The failing rows as a table of text, 160 characters wide."""
    table = Table(*finding.columns)
    for row in finding.rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    text = io.StringIO()
    Console(file=text, width=160, color_system=None).print(table)
    return text.getvalue()


def report(findings: Iterable[Finding]) -> str:
    """What the findings say, for a log: each with its message and the first failing rows."""
    parts = []
    for finding in findings:
        heading = f"{'FAILED' if finding.stops else 'warning'}: {finding}\n{finding.message}"
        parts.append(f"{heading}\n{as_table(finding)}" if finding.rows else heading)
    return "\n".join(parts)


def require_passed(findings: Sequence[Finding]) -> None:
    """Log what was found, and stop where any of it is more than a warning.

    Raises ChecksFailedError naming every failed check and its count of rows.
    """
    stopping = [finding for finding in findings if finding.stops]
    for finding in findings:
        log.log(logging.ERROR if finding.stops else logging.WARNING, "%s", report([finding]))
    if stopping:
        rows = sum(finding.failures or 0 for finding in stopping)
        raise ChecksFailedError("; ".join(str(finding) for finding in stopping), report(stopping), rows)
