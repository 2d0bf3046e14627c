"""The nightly proof on BigQuery: clean is green; one row changed by hand is found, exactly it, and derived again."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from google.cloud import bigquery

from include.proof import ProofError, ProofFailedError, conclude, prove, snapshot
from include.settings import Settings
from include.store_bigquery import BigQueryStore
from include.transform import MODELS_ONLY, run_dbt
from tests.bigquery.landed import land
from tests.bigquery.pipeline.test_bigquery_deletion import land_journeys
from tests.dbt.nights import DAY, event
from tests.dbt.project import Project, environment

NIGHT = date(2026, 2, 1)


def datasets(client: bigquery.Client) -> set[str]:
    """The datasets of the project."""
    return {item.dataset_id for item in client.list_datasets()}


@pytest.mark.rehearsal
def test_one_changed_row_is_found_and_derived_again(
    settings: Settings, store: BigQueryStore, client: bigquery.Client, tmp_path: Path
) -> None:
    local = Project(home=tmp_path / "local")
    land_journeys(local)
    land(client, local.settings)
    assert snapshot(settings) is None
    with pytest.raises(ProofError, match="there is no snapshot"):
        prove(settings, NIGHT)
    with environment({}):
        run_dbt(settings, "build", *MODELS_ONLY)
    (order,) = store.rows("select conversion_id from mart_attribution_last where person_id = 'bob'")[0]

    # a batch lands after the last run: it is no difference
    late = event(2 * DAY, "bobs-phone", "bob")
    store.append(
        "streamed_events",
        [{"batch_id": "late", "line_number": 1, "payload": json.dumps(late), "received_at": "2026-01-13"}],
    )
    taken = snapshot(settings)
    assert taken is not None
    assert taken.shards == 4
    clean = prove(settings, NIGHT)
    assert clean.differences == ()
    assert clean.rows > 30
    assert {"stg_ga_events", "int_events", "int_quarantine", "mart_attribution_last"} <= set(clean.tables)
    assert datasets(client) == {"shop", "attribution", "attribution_published"}
    conclude(settings, "clean", clean)

    store.run("update mart_attribution_last set revenue = 99 where conversion_id = $order", order=order)
    snapshot(settings)
    found = prove(settings, NIGHT)
    (one,) = found.differences
    assert (one.table, one.only_live, one.only_rebuilt) == ("mart_attribution_last", 1, 1)
    assert one.differing == ("revenue",)
    assert (one.live[0][0], one.rebuilt[0][0]) == ("99", "20.5")
    assert [item.table_id for item in client.list_tables("attribution_proof")] == ["differences"]
    with environment({"PROOF_HEAL": "true"}):
        healing = Settings.from_env()
    with pytest.raises(ProofFailedError, match="mart_attribution_last: 1 of 2 rows only live"):
        conclude(healing, "found", found)
    assert store.rows("select run_id, differing_rows, healed from proofs order by run_id") == [
        ("clean", 0, False),
        ("found", 2, True),
    ]
    with environment({}):
        run_dbt(settings, "run")
    revenue = store.rows(
        "select cast(revenue as string) from mart_attribution_last where conversion_id = $id", id=order
    )
    assert revenue == [("20.5",)]
