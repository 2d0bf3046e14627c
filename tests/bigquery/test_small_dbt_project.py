"""dbt-bigquery itself against the stand-in: build, increment, and a failure that leaves the table as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.cloud import bigquery

from tests.bigquery.dbt_on_stand_in import run_dbt
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service

SMALL = Path(__file__).with_name("small")


def land(client: bigquery.Client, day: str, *events: tuple[str, str]) -> None:
    rows = " union all ".join(
        f"select '{user}' as user_id, [struct('source' as key, '{source}' as value)] as params"
        for user, source in events
    )
    client.query_and_wait(f"create or replace table shop.events_{day} as {rows}")


def people(client: bigquery.Client) -> list[tuple[object, ...]]:
    sql = "select user_id, events, channel from attribution.people order by user_id"
    return [tuple(row.values()) for row in client.query_and_wait(sql)]


def test_build_increment_and_failure(client: bigquery.Client, endpoint: str, service: Service, tmp_path: Path) -> None:
    land(client, "20260101", ("a", "google"), ("b", "elsewhere"))
    built = run_dbt(endpoint, SMALL, tmp_path, "build")
    assert len(built) == 4 + 4 + 1  # seed and models, data tests, unit test
    assert people(client) == [("a", 1, "Search"), ("b", 1, None)]
    table = client.get_table("attribution.people")
    assert (table.labels, table.clustering_fields) == ({"team": "growth"}, ["user_id"])
    assert (table.description, table.schema[0].description) == ("A row a person's user id.", "The user's own id.")
    assert client.get_table("attribution.daily").time_partitioning.field == "day"

    land(client, "20260102", ("a", "newsletter"), ("c", "google"))
    service.faults.add(Fault("quotaExceeded", statement="^insert into `test-project`.`attribution`.`people`"))
    with pytest.raises(AssertionError, match="quotaExceeded"):
        run_dbt(endpoint, SMALL, tmp_path, "run", since="20260102")
    assert people(client) == [("a", 1, "Search"), ("b", 1, None)]  # the delete before the insert went back

    run_dbt(endpoint, SMALL, tmp_path, "run", since="20260102")
    assert people(client) == [("a", 1, "Email"), ("b", 1, None), ("c", 1, "Search")]
    daily = [tuple(row.values()) for row in client.query_and_wait("select events from attribution.daily order by day")]
    assert daily == [(2,), (2,)]
    reads = [read for result in service.statements for read in result.reads if read.table.endswith("events_*")]
    assert reads
    assert all(read.filtered for read in reads)
