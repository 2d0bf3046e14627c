"""Before a run on BigQuery: who the pipeline is, what is made or missing, and what the first build would cost."""

from __future__ import annotations

import json
import os
import re
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

from include import bigquery_login, bigquery_setup, check_bigquery
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

Check = Callable[..., tuple[int, str]]
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


DATES = ("--start", "2026-01-30", "--end", "2026-01-31")
#: An export of three tables of ten events, of which DATES hold two.
EXPORT = """
create table shop.{} as
select n as event_timestamp, 'page_view' as event_name, 'd1' as user_pseudo_id, 'never read' as platform,
    struct('mobile' as category, 'never read' as language) as device
from unnest(generate_array(1, 10)) as n
"""


@pytest.fixture
def checked(settings: Settings, client: bigquery.Client, capsys: pytest.CaptureFixture[str]) -> Check:
    """`make check-bigquery` on that export: its exit code and what it says."""
    assert settings.bigquery is not None
    for table in ("events_20260129", "events_20260130", "events_intraday_20260131"):
        client.query_and_wait(EXPORT.format(table))

    def check(*arguments: str) -> tuple[int, str]:
        return check_bigquery.main(arguments), capsys.readouterr().out

    return check


def read(service: Service) -> list[tuple[int, bool | None]]:
    """Of each read of the export its bytes, and whether a constant filter chose them."""
    reads = [one for result in service.statements for one in result.reads]
    return [(one.size, one.filtered) for one in reads if ".shop.events" in one.table]


def test_a_ready_project_is_told_its_cost_and_reads_one_column_of_one_table(checked: Check, service: Service) -> None:
    code, said = checked(*DATES, "--price", "1e12")
    assert code == 0
    # of each row an integer, and four texts with two bytes each; the stand-in counts a struct whole, BigQuery does not
    assert f"reads {2 * 10 * (8 + 11 + 4 + 8 + 12)} bytes of 2 tables" in said
    assert re.search(r"\$782\.17 at \$1e\+12 a TiB", said), said
    assert "10 rows of events_intraday_20260131, 80 bytes; a script variable prunes" in said
    assert {name for _, name in service.warehouse.datasets} >= {"attribution", "attribution_published"}
    assert read(service) == [(80, True)]


def test_above_the_ceiling_nothing_is_read_or_made(
    checked: Check, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BQ_MAX_BYTES_BILLED", "859")
    code, said = checked(*DATES)
    assert code == 1
    assert re.search(r"would read 860 bytes.*BQ_MAX_BYTES_BILLED allows 859\. Narrow start_date", said, re.DOTALL), said
    assert read(service) == []
    assert ("test-project", "attribution") not in service.warehouse.datasets


def test_a_pruner_that_does_not_cut_is_red(checked: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = "select count(event_timestamp) from `{export}.{prefix}*` where @suffix is not null"
    monkeypatch.setattr("include.check_bigquery.PRUNED", whole)
    code, said = checked("--end", "2026-01-30")
    assert code == 1
    assert "the pruner did not cut: events_20260130 has 80 bytes" in said


def test_without_credentials_it_says_so_and_stops(
    checked: Check, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> None:
        raise exceptions.DefaultCredentialsError("none found")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(bigquery_login, "credentials", nobody)
    asked = len(service.requests)
    code, said = checked()
    assert code == 2
    assert re.search(r"cannot start: no Google credentials\. .*application-default login", said)
    assert len(service.requests) == asked


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("GCP_PROJECT", "", "cannot start: GCP_PROJECT is not set"),
        ("BQ_LOCATION", "EU", "is in US, BQ_LOCATION is EU"),
        ("GA4_DATASET", "test-project.none", "test-project.none of the GA4 export does not exist"),
    ],
)
def test_what_is_wrong_is_said(
    checked: Check, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setitem(os.environ, name, value)
    code, said = checked()
    assert code == (2 if "cannot start" in message else 1)
    assert message in said
