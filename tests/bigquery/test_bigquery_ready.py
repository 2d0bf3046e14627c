"""Before a run on BigQuery: who the pipeline is, and what is made or missing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import google.auth
import pytest
import yaml
from airflow.providers.google.common.hooks.base_google import GoogleBaseHook
from dbt.adapters.bigquery.clients import create_bigquery_client
from dbt.adapters.bigquery.credentials import BigQueryCredentials
from google.auth import exceptions, impersonated_credentials
from google.cloud import bigquery

from include import bigquery_setup
from include.bigquery_errors import UnavailableError
from include.bigquery_login import credentials
from include.prepare import PrepareError, prepare
from include.settings import PROJECT as ROOT
from include.settings import Settings
from include.transform import log_in
from include.warehouse import WarehouseError
from tests.bigquery.conftest import DATASET, PROJECT, Known
from tests.bigquery.double.errors import Fault
from tests.bigquery.double.permissions import Identity
from tests.bigquery.double.service import Service

SECRET = "ya29.secret"  # noqa: S105 - nobody's


@pytest.fixture
def known(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A deployment on BigQuery of which the connection knows somebody."""
    tokens = (f"{SECRET}{number}" for number in count(1))
    monkeypatch.setattr(GoogleBaseHook, "get_credentials", lambda _: Known(tokens))
    return settings


def dbt_client() -> bigquery.Client:
    """The client that dbt makes by the profile of production."""
    target = yaml.safe_load((ROOT / "profiles.yml").read_text())["attribution"]["outputs"]["bigquery"]
    given = {"method": target["method"], "database": PROJECT, "schema": DATASET}
    return create_bigquery_client(BigQueryCredentials.from_dict(given))


def test_dbt_is_the_connections_identity_for_longer_than_a_token_lasts(
    known: Settings, service: Service, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By credentials that stand nowhere but in the process; on DuckDB nobody is asked for any."""
    with monkeypatch.context() as nobody:
        nobody.setattr(GoogleBaseHook, "get_credentials", None)
        log_in(Settings(home=known.home, ga4_export=known.ga4_export))
    with caplog.at_level("DEBUG"):
        log_in(known)
        client = dbt_client()
        list(client.list_datasets())
        client._credentials.expiry = datetime.now(UTC).replace(tzinfo=None)
        list(client.list_datasets())
    assert service.callers[-2:] == [f"{SECRET}1", f"{SECRET}2"]
    assert SECRET not in caplog.text
    assert SECRET not in json.dumps(dict(os.environ))


def test_the_connection_may_impersonate_and_without_it_it_is_this_machines_identity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = "pipeline@test-project.iam.gserviceaccount.com"
    connection = {"conn_type": "google_cloud_platform", "extra": {"impersonation_chain": account}}
    monkeypatch.setenv("AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT", json.dumps(connection))
    monkeypatch.setattr(google.auth, "default", lambda **_: (Known(iter([SECRET])), "test-project"))
    found = credentials()
    assert isinstance(found, impersonated_credentials.Credentials)
    assert found.service_account_email == account
    monkeypatch.delenv("AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT")
    assert isinstance(credentials(), Known)


def test_credentials_that_google_refuses_are_said(known: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise exceptions.RefreshError("invalid_grant")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(Known, "refresh", refuse)
    with pytest.raises(WarehouseError, match="does not accept the credentials: invalid_grant"):
        log_in(known)


SEEDS = ["app_referrers", "channel_rollup", "channel_rules", "exchange_rates", "search_engines", "source_categories"]


def test_an_empty_project_is_made_ready_and_seeds_are_loaded_once(
    settings: Settings, client: bigquery.Client, service: Service
) -> None:
    """One that BigQuery refuses is named, and loaded by the next try."""
    client.query_and_wait("create table events_20260131 as select 1 as x")
    service.faults.append(Fault("invalid", request="POST /upload/.*"))
    with pytest.raises(Exception, match="loading the seeds failed: "):
        prepare(settings, events=0)
    assert prepare(settings, events=0) == SEEDS
    assert {name for _, name in service.warehouse.datasets} >= {"attribution", "attribution_published"}
    assert client.get_table("attribution.streamed_events").time_partitioning.field == "received_at"
    assert client.get_table("attribution.search_engines").num_rows > 0

    # BigQuery asks for the right to create a dataset before it looks whether the dataset exists
    client.delete_table("attribution.int_journal")
    refused = [
        Fault("accessDenied", request="POST .*/datasets$", times=9),
        Fault("accessDenied", statement="create schema", times=9),
    ]
    service.faults.extend(refused)
    assert prepare(settings, events=0) == []
    assert [fault.times for fault in refused] == [9, 9]
    service.faults.clear()


def set_up(settings: Settings) -> None:
    """What prepare does before it loads seeds, which takes seconds."""
    assert settings.bigquery is not None
    bigquery_setup.set_up(settings.bigquery, events=5)


@pytest.mark.usefixtures("client")
def test_nothing_to_read_is_said_unless_events_are_streamed(settings: Settings) -> None:
    with pytest.raises(PrepareError, match=rf"nothing has landed: no events_YYYYMMDD in {PROJECT}\.{DATASET}"):
        prepare(settings, events=0)
    set_up(settings)


def faulty(reason: str, request: str, times: int = 1) -> Callable[[Service], None]:
    """BigQuery's answer to a request."""
    return lambda service: service.faults.append(Fault(reason, request=request, times=times))


@pytest.mark.parametrize(
    ("changes", "fault", "message"),
    [
        ({"export": f"{PROJECT}.missing"}, None, r"missing of the GA4 export does not exist. Set GA4_DATASET"),
        ({"location": "EU"}, None, r"shop \(GA4_DATASET\) is in US, BQ_LOCATION is EU.*Set BQ_LOCATION to US"),
        ({"dataset": "elsewhere"}, None, r"elsewhere \(ATTRIBUTION_DATASET\) is in EU, BQ_LOCATION is US"),
        (
            {},
            lambda service: service.identities.update({"": Identity({})}),
            r"refuses \(accessDenied\): .*denied on dataset test-project:shop.*google_cloud_default.*dataViewer",
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
    assert settings.bigquery is not None
    place = replace(settings.bigquery, **changes)  # type: ignore[arg-type]
    with pytest.raises(PrepareError, match=message):
        prepare(replace(settings, bigquery=place), events=5)


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
    service.faults.clear()
    set_up(settings)


def test_an_unreachable_service_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bigquery_setup, "PATIENCE", 0.1)
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match=r"cannot be reached: .*Check the network"):
        prepare(settings, events=5)
