"""The quality gate and the audit: dbt's tests, run in process, with the failing rows in the report."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from include.settings import Settings
from include.transform import DbtError, Selection, run_dbt

if TYPE_CHECKING:
    from dbt.artifacts.schemas.run import RunResult

log = logging.getLogger(__name__)

SAMPLE_ROWS = 10

#: What the generic test `conditions` found (dbt/tests/generic/conditions.sql): of each condition the number of rows and
#: the first of them.
BY_CONDITION = """
select * from (
    select f.*, count(*) over (partition by condition) as found, row_number() over (partition by condition) as place
    from ({query}) as f
) as n
where place <= {rows}
order by condition, place
"""


class ChecksFailedError(RuntimeError):
    """Some checks failed; the message names each with its count of rows, `report` shows some, `rows` is how many."""

    def __init__(self, message: str, report: str, rows: int) -> None:
        """Keep the report for whoever shows the failure outside the log."""
        super().__init__(message)
        self.report = report
        self.rows = rows


@dataclass(frozen=True)
class Finding:
    """What a dbt test, or one condition of the generic test `conditions`, found, or that it could not run.

    status: dbt's (pass, warn, fail, error). failures: rows found; None where the test itself broke. columns and rows:
    up to SAMPLE_ROWS of them. about_nobody: they hold no person's data, by the test's `meta`.
    """

    name: str
    path: str
    status: str
    failures: int | None
    message: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
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


def sample(settings: Settings, query: str, limit: int) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]:
    """Columns and up to `limit` rows of a query, on whichever engine dbt runs; -1 is no limit."""
    inline = f"{{% raw %}}{query}{{% endraw %}}"
    for shown in run_dbt(settings, "show", "--inline", inline, "--limit", str(limit), "--no-write-json"):
        if shown.agate_table is not None:
            return tuple(shown.agate_table.column_names), tuple(tuple(row) for row in shown.agate_table.rows)
    return (), ()


def _findings(settings: Settings, result: RunResult) -> list[Finding]:
    """What a test found: one finding, or one a failed condition."""
    node = result.node
    broken = result.status == "error"
    finding = Finding(
        name=node.name,
        path=node.original_file_path,
        status=str(result.status),
        failures=None if broken else result.failures,
        message=str(result.message),
        about_nobody=bool(node.config.meta.get("about_nobody")),
    )
    query: str | None = getattr(node, "compiled_code", None)
    if broken or finding.passed or query is None:
        return [finding]
    if getattr(getattr(node, "test_metadata", None), "name", None) == "conditions":
        columns, rows = sample(settings, BY_CONDITION.format(query=query, rows=SAMPLE_ROWS), -1)
        return by_condition(replace(finding, columns=columns, rows=rows)) or [finding]
    columns, rows = sample(settings, query, SAMPLE_ROWS)
    return [replace(finding, columns=columns, rows=rows)]


def by_condition(whole: Finding) -> list[Finding]:
    """A finding for each condition that is named in the rows, which are those of BY_CONDITION. Pure.

    Columns that are null in all rows of a condition are left out.
    """
    found = []
    records = [dict(zip(whole.columns, row, strict=True)) for row in whole.rows]
    for name, group in groupby(records, key=itemgetter("condition")):
        rows = list(group)
        told = [column for column in whole.columns if column not in {"condition", "severity", "found", "place"}]
        columns = tuple(column for column in told if any(row[column] is not None for row in rows))
        found.append(
            replace(
                whole,
                name=name,
                status="warn" if rows[0]["severity"] == "warn" else whole.status,
                failures=int(rows[0]["found"]),
                message=f"a condition of the test {whole.name}",
                columns=columns,
                rows=tuple(tuple(row[column] for column in columns) for row in rows),
            )
        )
    return found


def examine(settings: Settings, selection: Selection) -> list[Finding]:
    """Run the selected dbt tests; what each found, in dbt's order, those that passed included.

    A failed test of conditions gives a finding for each condition that failed.

    A test that spans models outside the selection runs only where those were built before it.

    Raises DbtError when dbt cannot run, or when the selection names no test: a gate without checks would pass anything.
    """
    ran = run_dbt(settings, "test", *selection.arguments(), "--indirect-selection", "buildable", "--no-write-json")
    results = [one for one in ran if str(one.node.resource_type) == "test"]  # not what runs as dbt starts
    if not results:
        raise DbtError(f"no dbt test is selected by {' '.join(selection.arguments())}; look in include/transform.py")
    log.info("%d tests ran", len(results))
    return [finding for one in results for finding in _findings(settings, one)]


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
