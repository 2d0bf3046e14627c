"""`make check-bigquery` on the stand-in: what the first build would cost, before anything is read."""

from __future__ import annotations

import os
import re

import pytest
from google.auth import exceptions
from google.cloud import bigquery

from include import bigquery_login, check_bigquery
from include.settings import Settings
from tests.bigquery.double.service import Service

DATES = ("--start", "2026-01-30", "--end", "2026-01-31")


@pytest.fixture
def exported(settings: Settings, client: bigquery.Client) -> Settings:
    """An export of three tables of ten events, of which DATES hold two."""
    for table in ("events_20260129", "events_20260130", "events_intraday_20260131"):
        client.query_and_wait(f"""
            create table shop.{table} as
            select n as event_timestamp, 'page_view' as event_name, 'd1' as user_pseudo_id, 'never read' as platform,
                struct('mobile' as category, 'never read' as language) as device
            from unnest(generate_array(1, 10)) as n
        """)
    return settings


def estimated(text: str) -> int:
    """The bytes of the estimate."""
    found = re.search(r"reads ([\d,]+) bytes of 2 tables", text)
    assert found, text
    return int(found[1].replace(",", ""))


@pytest.mark.usefixtures("exported")
def test_a_ready_project_is_told_its_cost_and_reads_one_column_of_one_table(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    before = len(service.statements)
    assert check_bigquery.main([*DATES, "--price", "1e12"]) == 0
    said = capsys.readouterr().out
    # of each row an integer, and four texts with two bytes each; the stand-in counts a struct whole, BigQuery does not
    assert estimated(said) == 2 * 10 * (8 + 11 + 4 + 8 + 12)
    assert re.search(r"\$782\.17 at \$1e\+12 a TiB", said), said
    assert "10 rows of events_intraday_20260131, 80 bytes; a script variable prunes" in said
    assert {name for _, name in service.warehouse.datasets} >= {"attribution", "attribution_published"}
    read = [one for result in service.statements[before:] for one in result.reads if ".shop.events" in one.table]
    assert [(one.size, one.filtered) for one in read] == [(80, True)]


@pytest.mark.usefixtures("exported")
def test_above_the_ceiling_nothing_is_read_or_made(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BQ_MAX_BYTES_BILLED", "859")
    before = len(service.statements)
    assert check_bigquery.main(DATES) == 1
    said = capsys.readouterr().out
    assert re.search(r"would read 860 bytes.*BQ_MAX_BYTES_BILLED allows 859\. Narrow start_date", said, re.DOTALL), said
    assert not [one for r in service.statements[before:] for one in r.reads if ".shop.events" in one.table]
    assert ("test-project", "attribution") not in service.warehouse.datasets


@pytest.mark.usefixtures("exported")
def test_a_pruner_that_does_not_cut_is_red(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    whole = "select count(event_timestamp) from `{export}.{prefix}*` where @suffix is not null"
    monkeypatch.setattr("include.check_bigquery.PRUNED", whole)
    assert check_bigquery.main(["--end", "2026-01-30"]) == 1
    assert "the pruner did not cut: events_20260130 has 80 bytes" in capsys.readouterr().out


@pytest.mark.usefixtures("client")
def test_without_credentials_it_says_so_and_stops(
    settings: Settings, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nobody() -> None:
        raise exceptions.DefaultCredentialsError("none found")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(bigquery_login, "credentials", nobody)
    asked = len(service.requests)
    assert check_bigquery.main([]) == 2
    assert re.search(r"cannot start: no Google credentials\. .*application-default login", capsys.readouterr().out)
    assert len(service.requests) == asked


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("GCP_PROJECT", "", "cannot start: GCP_PROJECT is not set"),
        ("BQ_LOCATION", "EU", "is in US, BQ_LOCATION is EU"),
        ("GA4_DATASET", "test-project.none", "test-project.none of the GA4 export does not exist"),
    ],
)
@pytest.mark.usefixtures("exported")
def test_what_is_wrong_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, message: str
) -> None:
    monkeypatch.setitem(os.environ, name, value)
    assert check_bigquery.main([]) == (2 if "cannot start" in message else 1)
    assert message in capsys.readouterr().out
