"""A batch that was streamed into the stand-in, then dbt on it: the rows that DuckDB gives for the same file."""

from __future__ import annotations

import os
from pathlib import Path

from google.cloud import bigquery

from include.landing import streamed_batches
from include.settings import PROJECT as ROOT
from include.settings import Settings
from include.simulator.stream import write_batch
from include.streaming.batch import read_batch
from include.streaming.streamer import Sent, Streamer
from include.transform import MODELS_ONLY
from tests.bigquery.dbt_on_stand_in import run_dbt
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.landed import land_export
from tests.bigquery.streaming import TABLE, open_stream
from tests.bigquery.test_attribution_project import differences
from tests.dbt.project import Project

NAME = ".".join(TABLE)


def stream(streamer: Streamer, settings: Settings) -> list[Sent]:
    """Stream what has landed here, and give the files the time at which BigQuery received them."""
    sent = []
    for shard in streamed_batches(settings.streamed_events):
        path = Path(shard.path)
        sent.append(streamer.send(read_batch(path, path.stem)))
        of_batch = f"from `{NAME}` where received_at > '2020-01-01' and batch_id = '{path.stem}'"
        (row,) = streamer.client.query_and_wait(f"select unix_micros(max(received_at)) as moment {of_batch}")
        nanoseconds = row["moment"] * 1000
        os.utime(path, ns=(nanoseconds, nanoseconds))
    return sent


def test_a_streamed_batch_gives_duckdbs_rows(
    client: bigquery.Client, endpoint: str, service: Service, landed: Settings, tmp_path: Path
) -> None:
    local = Project(home=landed.home)
    write_batch(landed, events=10, seed=4)
    with open_stream(service, client, tmp_path) as streamer:
        land_export(client, landed)
        service.faults.add(Fault("backendError", request="^ANSWER APPEND"))
        service.faults.add(Fault("backendError", request="^ANSWER COMMIT"))
        assert [batch.written for batch in stream(streamer, landed)] == [17, 10]
        assert [batch.there for batch in stream(streamer, landed)] == [17, 10]

    local.build()
    run_dbt(endpoint, ROOT / "dbt", tmp_path, "build", *MODELS_ONLY)
    assert local.rows("select count(*) as n from int_events where shard like 'batch_%'")[0]["n"] > 10
    assert local.rows("select count(*) as n from int_quarantine")[0]["n"] > 0
    assert differences(client, local) == {}
    assert [result.error for result in service.statements if result.error] == []
