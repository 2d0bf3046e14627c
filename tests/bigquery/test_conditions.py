"""The generic test `conditions` in BigQuery's SQL; tests/unit/airflow/test_quality.py has it in DuckDB's."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.cloud import bigquery

from include.quality import BY_CONDITION
from include.settings import PROJECT as ROOT
from tests.bigquery.world import run_dbt
from tests.unit.airflow.test_quality import CONDITIONS

FILES = {
    "dbt_project.yml": "{name: small, profile: small, flags: {send_anonymous_usage_stats: false}}",
    "models/known.sql": "select n as number from unnest(generate_array(0, 23)) as n",
    "models/numbers.sql": """
        select n as number, if(n < 2, null, 'b') as label, if(n = 3, 'neither', 'odd') as parity
        from unnest([0, 1, 3, 3, 24]) as n
    """,
    "models/numbers.yml": f"{CONDITIONS}          config: {{meta: {{not_null_numbers_label: {{severity: warn}}}}}}\n",
}


def test_each_broken_condition_is_named(client: bigquery.Client, endpoint: str, tmp_path: Path) -> None:
    shipped = Path("tests") / "generic" / "conditions.sql"
    for name, text in {**FILES, str(shipped): (ROOT / "dbt" / shipped).read_text()}.items():
        (tmp_path / "small" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "small" / name).write_text(text)
    with pytest.raises(AssertionError, match="conditions_numbers: Got 9 results"):
        run_dbt(endpoint, tmp_path / "small", tmp_path, "build")
    (compiled,) = (tmp_path / "dbt_target" / "compiled").rglob("conditions_numbers.sql")
    found = client.query_and_wait(BY_CONDITION.format(query=compiled.read_text(), rows=10))
    assert {tuple(row.values())[:-1] for row in found} == {
        ("accepted_values_numbers_parity", "error", 3, "b", "neither", None, 2),
        ("holds_numbers_number_20", "error", 24, "b", "odd", None, 1),
        ("not_null_numbers_label", "warn", 0, None, "odd", None, 2),
        ("not_null_numbers_label", "warn", 1, None, "odd", None, 2),
        ("relationships_numbers_number", "error", 24, "b", "odd", None, 1),
        ("unique_numbers_number", "error", 3, None, None, 2, 1),
        ("unique_numbers_parity__label", "error", None, "b", "neither", 2, 2),
        ("unique_numbers_parity__label", "error", None, None, "odd", 2, 2),
    }
