"""`make check-bigquery`: what the first build would cost, and whether BigQuery does what this project assumes of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import pytest
from google.auth import exceptions
from google.cloud import bigquery

from include import bigquery_login, check_bigquery
from include.settings import Settings
from tests.bigquery.conftest import PROJECT
from tests.bigquery.double.errors import Fault
from tests.bigquery.double.permissions import Identity
from tests.bigquery.double.service import Service
from tests.bigquery.test_least_roles import documented

Check = Callable[..., tuple[int, str]]
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


DATASETS = ("attribution", "attribution_published")
REPORT = 'Send all these lines, please: "Report back" in docs/bigquery.md says where and what else helps.'


def test_what_only_an_account_can_tell_is_reported_with_the_least_permissions(
    checked: Check, client: bigquery.Client, service: Service
) -> None:
    for name in DATASETS:
        client.create_dataset(name)
    service.identities[""] = Identity(documented())
    code, said = checked(*DATES)
    assert code == 0, said
    # of each of two rows a date and an integer; of the temporary table an integer
    assert "ok  read by days in a variable: 40 bytes; one day has 32, 4,000 have each" in said
    assert re.search(r"ok  delete in a transaction by days in a variable: \d\d bytes", said)
    assert "ok  8 clones of 4,000 partitions" in said
    for table in ("shop.events_intraday_20260131", *(f"{name}.check_bigquery" for name in DATASETS)):
        assert f"ok  permissions on {PROJECT}.{table}: as docs/bigquery.md lists them" in said
    assert said.endswith(f"{REPORT}\nReady: make run EVENTS=0\n")
    assert not [ref for ref in service.warehouse.tables if ref[2] == "check_bigquery"]


def whole(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pruner that cannot use what names the days."""
    model = check_bigquery.MODEL.replace("in unnest(days)", "in (select one from unnest(days) as one)")
    monkeypatch.setattr(check_bigquery, "MODEL", model)


def no_clone(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quota that the first clone uses up."""
    service.faults.append(Fault("quotaExceeded", statement="clone"))


def too_many(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """An identity that may hand out rights, and may not erase from the export though it is to."""
    service.identities[""] = Identity(documented())
    for name in DATASETS:
        service.warehouse.datasets[PROJECT, name] = {"location": "US"}
        service.identities[""].granted[f"{PROJECT}.{name}"].add("bigquery.tables.setIamPolicy")
    monkeypatch.setenv("ERASE_FROM_EXPORT", "true")


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (
            whole,
            ["not as assumed  read by days in a variable: 128,", "not as assumed  delete in a transaction by days"],
        ),
        (no_clone, ["not as assumed  clones of 4,000 partitions", "number 1 of 8 was refused: "]),
        (
            too_many,
            [
                "not as assumed  permissions on test-project.shop.events_20260130: missing: bigquery.tables.delete",
                "attribution.check_bigquery: more than a run needs: bigquery.tables.setIamPolicy\n",
            ],
        ),
    ],
)
def test_what_is_not_as_assumed_is_red_and_the_rest_is_looked_at(
    checked: Check,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Service, pytest.MonkeyPatch], None],
    lines: list[str],
) -> None:
    change(service, monkeypatch)
    code, said = checked("--end", "2026-01-30")
    assert code == 1
    for line in [*lines, f"{REPORT}\nnot ready: BigQuery does not do"]:
        assert line in said
    assert "permissions on test-project.attribution_published.check_bigquery" in said
    assert not [ref for ref in service.warehouse.tables if ref[2] == "check_bigquery"]


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
