"""Lint the SQL as one engine will see it: sqlfluff, with dbt rendering every model and singular test for that target.

Each file is rendered once. As rendered, so the macros' text too, it is linted by the rules of .ci/rendered.sqlfluff.
As written, it is linted by the rest of .sqlfluff, and for one engine only by those on layout, which take longest and do
not depend on the dialect.

Rendering asks the warehouse whether a model's table exists, and on BigQuery for partitions. Here nothing exists: for
BigQuery the answer is empty without a call or credentials, and DuckDB's warehouse is a new one that is thrown away.

Usage: python .ci/lint_sql.py local|bigquery [files; else all]
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import agate
from dbt.adapters.bigquery.connections import BigQueryConnectionManager
from dbt.adapters.bigquery.impl import BigQueryAdapter
from dbt.adapters.contracts.connection import AdapterResponse, Connection, ConnectionState
from dbt.adapters.factory import FACTORY
from sqlfluff.core import FluffConfig, Linter
from sqlfluff.core.parser import BaseSegment
from sqlfluff.utils.reflow.sequence import ReflowSequence

from include.settings import Settings

DIALECTS = {"local": "duckdb", "bigquery": "bigquery"}
#: The rules that hold for what stands in the file alone; all others hold for the rendered text.
WRITTEN = {
    "local": "layout,jinja,references,capitalisation.types,structure.nested_case",
    "bigquery": "references,capitalisation.types",
}
RENDERED = Path(__file__).with_name("rendered.sqlfluff")
last_laid_out = functools.lru_cache(1)(ReflowSequence.from_root)


def open_nothing(connection: Connection) -> Connection:
    """A connection to BigQuery that calls nobody."""
    connection.state = ConnectionState.OPEN
    connection.handle = mock.Mock()
    return connection


def answer_nothing(adapter: BigQueryAdapter, *args: object, **options: object) -> tuple[AdapterResponse, agate.Table]:
    """The answer to any query: one column, no row."""
    return AdapterResponse("nothing"), agate.Table([], ["nothing"], [agate.Text()])


def laid_out(root_segment: BaseSegment, config: FluffConfig) -> ReflowSequence:
    """The layout of a file: three rules ask for it, and making it takes most of their time."""
    return last_laid_out(root_segment, config)


def sql_files(project: Path) -> list[Path]:
    """The models and singular tests; a generic test is a macro, which dbt renders only where it is used."""
    tests = [path for path in project.glob("tests/**/*.sql") if "generic" not in path.parts]
    return sorted([*project.glob("models/**/*.sql"), *tests])


def violations(files: list[Path], target: str) -> Iterator[str]:
    """What the rules find, a line each. Raises what dbt raises for a file that it cannot render."""
    dialect = DIALECTS[target]
    as_written = FluffConfig.from_root(overrides={"dialect": dialect, "rules": WRITTEN[target]})
    as_rendered = FluffConfig.from_root(extra_config_path=str(RENDERED), overrides={"dialect": dialect})
    linter = Linter(config=as_written)
    for path in files:
        parsed = linter.parse_rendered(linter.render_file(str(path), as_written))
        found = {
            (violation.line_no, violation.line_pos, violation.rule_code(), violation.desc())
            for config in (as_written, as_rendered)
            for violation in linter.lint_parsed(
                parsed._replace(config=config), linter.get_rulepack(config=config)
            ).get_violations()
        }
        yield from (f"{path}:{line}:{column}: {code} {text}" for line, column, code, text in sorted(found))


def main(target: str, names: list[str]) -> int:
    """Lint for a target and write what is wrong; the exit status."""
    with (
        tempfile.TemporaryDirectory() as home,
        mock.patch.object(BigQueryConnectionManager, "open", staticmethod(open_nothing)),
        mock.patch.object(BigQueryAdapter, "list_relations_without_caching", return_value=[]),
        mock.patch.object(BigQueryAdapter, "execute", answer_nothing),
        mock.patch.object(ReflowSequence, "from_root", laid_out),
    ):
        nowhere = {"GCP_PROJECT": "nothing", "GA4_DATASET": "nothing.nothing"}
        settings = Settings.from_env({"ATTRIBUTION_HOME": home, "DBT_TARGET": target, **nowhere})
        os.environ.update(settings.dbt_env())
        files = [Path(name) for name in names] or sql_files(settings.dbt_project.relative_to(Path.cwd()))
        found = list(violations(files, target))
        FACTORY.reset_adapters()  # else DuckDB, at the end of the process, reports what dbt still holds as leaked
    sys.stdout.writelines(f"{line}\n" for line in found)
    sys.stdout.write(f"{len(files)} SQL files linted as {DIALECTS[target]}, {len(found)} violations\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
