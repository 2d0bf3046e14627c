"""Before a run on BigQuery: what is missing is made where it may be, else said with what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from google.cloud import bigquery

from include import bigquery_setup
from include.bigquery_errors import UnavailableError
from include.prepare import PrepareError, prepare
from include.settings import Settings
from tests.bigquery.conftest import DATASET, PROJECT
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service

SEEDS = ["app_referrers", "channel_rollup", "channel_rules", "exchange_rates", "search_engines", "source_categories"]


def test_an_empty_project_is_made_ready_and_seeds_are_loaded_once(
    settings: Settings, client: bigquery.Client, service: Service
) -> None:
    client.query_and_wait("create table events_20260131 as select 1 as x")
    assert prepare(settings, events=0) == SEEDS
    assert {name for _, name in service.warehouse.datasets} >= {"attribution", "attribution_published"}
    table = client.get_table("attribution.streamed_events")
    assert table.time_partitioning.field == "received_at"
    assert client.get_table("attribution.search_engines").num_rows > 0
    assert prepare(settings, events=0) == []


def test_no_right_to_create_datasets_is_needed_where_they_exist(
    settings: Settings, client: bigquery.Client, service: Service
) -> None:
    """BigQuery asks for that right before it looks whether the dataset exists."""
    client.query_and_wait("create table events_20260131 as select 1 as x")
    for name in ("attribution", "attribution_published"):
        client.create_dataset(name)
    refused = [
        Fault("accessDenied", request="POST .*/datasets$", times=9),
        Fault("accessDenied", statement="create schema", times=9),
    ]
    service.faults.waiting.extend(refused)
    assert prepare(settings, events=0) == SEEDS
    assert [fault.times for fault in refused] == [9, 9]
    service.faults.waiting.clear()


def set_up(settings: Settings) -> None:
    """What prepare does before it loads seeds, which takes seconds."""
    assert settings.bigquery is not None
    bigquery_setup.set_up(settings.bigquery, events=5)


@pytest.mark.usefixtures("client")
def test_nothing_to_read_is_said_unless_events_are_streamed(settings: Settings) -> None:
    with pytest.raises(PrepareError, match=rf"nothing has landed: no events_YYYYMMDD in {PROJECT}\.{DATASET}"):
        prepare(settings, events=0)
    set_up(settings)


def place(settings: Settings, **changes: str) -> Settings:
    """The settings with another place in BigQuery."""
    assert settings.bigquery is not None
    return replace(settings, bigquery=replace(settings.bigquery, **changes))  # type: ignore[arg-type]


def faulty(reason: str, request: str, times: int = 1) -> Callable[[Service], None]:
    """BigQuery's answer to a request."""
    return lambda service: service.faults.add(Fault(reason, request=request, times=times))


@pytest.mark.parametrize(
    ("changes", "fault", "message"),
    [
        ({"export": f"{PROJECT}.missing"}, None, r"missing of the GA4 export does not exist. Set GA4_DATASET"),
        ({"location": "EU"}, None, r"shop \(GA4_DATASET\) is in US, BQ_LOCATION is EU.*Set BQ_LOCATION to US"),
        ({"dataset": "elsewhere"}, None, r"elsewhere \(ATTRIBUTION_DATASET\) is in EU, BQ_LOCATION is US"),
        (
            {},
            lambda service: service.warehouse.denied.add((PROJECT, DATASET)),
            r"refuses \(accessDenied\): .*Give this identity .*google_cloud_default.* the roles",
        ),
        ({}, faulty("accessDenied", "POST .*/datasets$"), r"refuses \(accessDenied\).*roles of docs/bigquery.md"),
    ],
)
def test_each_fault_is_said_with_what_to_do(
    settings: Settings,
    service: Service,
    changes: dict[str, str],
    fault: Callable[[Service], None] | None,
    message: str,
) -> None:
    service.warehouse.datasets[PROJECT, "elsewhere"] = {"location": "EU"}
    if fault:
        fault(service)
    with pytest.raises(PrepareError, match=message):
        prepare(place(settings, **changes), events=5)


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("quotaExceeded", r"refuses for now \(quotaExceeded\).*have it raised"),
        ("rateLimitExceeded", r"Try again in a minute|cannot be reached"),
    ],
)
@pytest.mark.usefixtures("client")
def test_what_is_over_by_itself_is_tried_again_by_airflow(
    settings: Settings, service: Service, monkeypatch: pytest.MonkeyPatch, reason: str, message: str
) -> None:
    monkeypatch.setattr(bigquery_setup, "PATIENCE", 0.1)
    faulty(reason, "GET .*/datasets/shop$", times=1000)(service)
    with pytest.raises(UnavailableError, match=message):
        prepare(settings, events=5)
    service.faults.waiting.clear()
    set_up(settings)


def test_an_unreachable_service_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bigquery_setup, "PATIENCE", 0.1)
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match=r"cannot be reached: .*Check the network"):
        prepare(settings, events=5)


def test_a_seed_that_bigquery_refuses_is_named(settings: Settings, client: bigquery.Client, service: Service) -> None:
    service.faults.add(Fault("invalid", request="POST /upload/.*"))
    demo = replace(settings, simulate=True)
    with pytest.raises(Exception, match="loading the seeds failed: "):
        prepare(demo, events=5)
    assert prepare(demo, events=5) == SEEDS
