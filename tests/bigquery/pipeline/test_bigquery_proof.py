"""The nightly proof on BigQuery: clean is green; one row changed by hand is found, exactly it, and derived again."""

from __future__ import annotations

import json
from datetime import date
from hashlib import md5
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
def test_a_changed_row_of_whoever_is_looked_at_is_found_and_derived_again(
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

    # a row of the one person of the sample is wrong, and one of somebody else, at whom nobody looks
    with environment({"PROOF_HEAL": "true", "PROOF_PEOPLE": "1"}):
        sampling = Settings.from_env()
    people = [person for (person,) in store.rows("select distinct person_id from mart_sessions order by 1")]
    looked_at, *others = sorted(people, key=lambda one: md5(f"{NIGHT}{one}".encode()).hexdigest())  # noqa: S324
    sessions = "select session_id, events from mart_sessions where person_id = $person order by 1"
    before = store.rows(sessions, person=looked_at)
    store.run("update mart_sessions set events = 99 where person_id in unnest($people)", people=[looked_at, others[0]])
    snapshot(sampling)
    found = prove(sampling, NIGHT)
    assert (found.people, found.of_people) == (1, clean.people)
    assert 0 < found.rows < clean.rows
    assert "int_quarantine" in found.skipped
    (one,) = found.differences
    assert (one.table, one.only_live, one.only_rebuilt) == ("mart_sessions", len(before), len(before))
    assert one.differing == ("events",)
    assert one.live[0][0] == "99"
    assert [item.table_id for item in client.list_tables("attribution_proof")] == ["differences"]
    with pytest.raises(ProofFailedError, match=rf"mart_sessions: {len(before)} of .* only live"):
        conclude(sampling, "found", found)
    assert store.rows("select run_id, differing_rows, healed from proofs order by run_id") == [
        ("clean", 0, False),
        ("found", 2 * len(before), True),
    ]
    with environment({}):
        run_dbt(settings, "run")
    assert store.rows(sessions, person=looked_at) == before
