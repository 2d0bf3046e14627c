"""Ids that name nobody and no order (docs/semantics.md I1, C1), for landed rows that are not staged.

Staging reads ids by dbt/macros/events/real_ids.sql, which says the same.
"""

from __future__ import annotations

from typing import Any

from include.settings import Settings, read_variables

USERS, ORDERS = "ignored_user_ids", "ignored_order_ids"

#: SQL on BigQuery for a trimmed id as it counts; `ignored_ids` are the values that it names.
BIGQUERY_USER = "if(lower({id}) in unnest($ignored_user_ids), null, {id})"
BIGQUERY_ORDER = BIGQUERY_USER.replace("user", "order").format(
    id="coalesce(regexp_extract({id}, r'^([0-9]+)[.]0+$'), {id})"
)
#: The same on DuckDB, for a query `rows` with the columns user_id and transaction_id.
DUCKDB_ROWS = """
select * replace (
    case when not list_contains(cast($ignored_user_ids as varchar[]), lower(user_id)) then user_id end as user_id,
    case when not list_contains(cast($ignored_order_ids as varchar[]), lower(transaction_id))
        then transaction_id end as transaction_id
)
from (
    select * replace (regexp_replace(transaction_id, '^([0-9]+)[.]0+$', '\\1') as transaction_id) from ({rows})
)
"""


def ignored_ids(settings: Settings, *names: str) -> dict[str, Any]:
    """These settings of dbt_project.yml by name, both where none is named, as lists in the form that is compared."""
    variables = read_variables(settings)
    return {name: [one.strip(" ").lower() for one in variables[name]] for name in names or (USERS, ORDERS)}
