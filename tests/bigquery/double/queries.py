"""SELECT."""

from __future__ import annotations

from tests.bigquery.double.results import Result
from tests.bigquery.double.session import Session
from tests.bigquery.double.statement import Statement


def run_query(session: Session, text: str, result: Result) -> None:
    """A query; dry, its schema and estimate alone."""
    statement = Statement(session, text)
    tree = statement.analyze()
    if session.dry:
        result.columns = [(column.name, column.column.raw("type")) for column in tree.output_column_list]
        return
    statement.prepare()
    result.columns, result.rows = statement.query(statement.sql())


QUERIES = {"QueryStatement": run_query}
