"""`make run`, `make backfill` and `make upkeep` as a user meets them, on one home: the tests run in this order."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from include.settings import PROJECT, Settings
from include.simulator.history import write_history
from include.simulator.stream import write_batch
from tests.e2e.command_line import command, logs_of, processes_of, query, stop_at
from tests.unit.alerts.servers import TOKEN, Mailbox, Webhook, body_of

SMALL = ("--seed", "7", "--people", "150", "--days", "5")
MARTS = ("mart_attribution_first", "mart_attribution_last", "mart_channel_daily", "mart_sessions")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for the journey below."""
    return tmp_path_factory.mktemp("home") / "state"


@pytest.fixture(scope="module")
def settings(home: Path) -> Settings:
    """The settings of that home."""
    return Settings(home=home, ga4_export=home / "landing" / "ga4")


@pytest.fixture(scope="module")
def first(home: Path) -> subprocess.CompletedProcess[str]:
    """The first run, on generated data."""
    return command(home, "run", *SMALL)


@pytest.fixture(scope="module")
def told(chat: Webhook, mails: Mailbox) -> dict[str, str]:
    """The environment that names both."""
    return {"AIRFLOW_CONN_ATTRIBUTION_WEBHOOK": chat.connection, "AIRFLOW_CONN_ATTRIBUTION_MAIL": mails.connection()}


def read(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the marts in a DuckDB file."""
    return {mart: query(path, f"from {mart} order by all") for mart in MARTS}


def test_a_fresh_home_ends_with_the_attribution_table(
    first: subprocess.CompletedProcess[str], home: Path, settings: Settings
) -> None:
    assert first.returncode == 0, first.stdout
    assert "This home holds demo data" in first.stdout
    assert "DEMO DATA · What each channel earned" in first.stdout
    for task in ("prepare", "stream_events", "transform.run_models", "quality_gate", "audit", "publish"):
        assert re.search(rf"^  {re.escape(task)} +success +\d+\.\d s$", first.stdout, re.MULTILINE), first.stdout
    total = re.search(
        r"Total +│ +(\d+) │ +(\d+) │ +\+0 │ +([\d,.]+) │ +([\d,.]+) │ +\+0.00 │ +([\d,.]+) │ +([\d.]+) │", first.stdout
    )
    assert total, first.stdout
    ((conversions, revenue),) = query(settings.published, "select count(*), sum(revenue) from mart_attribution_last")
    assert conversions > 0
    assert (int(total[1]), int(total[2])) == (conversions, conversions)
    assert total[3] == total[4] == f"{revenue:,.2f}"
    ((spend,),) = query(settings.published, "select sum(spend) from mart_campaign_daily where model = 'linear'")
    assert (total[5], total[6]) == (f"{spend:,.2f}", f"{revenue / spend:.2f}")
    log = re.search(r"log: (logs/run_\S+\.log)", first.stdout)
    assert log, first.stdout
    assert "int_sessions: success" in (home / log[1]).read_text()
    assert processes_of(home) == []


@pytest.mark.usefixtures("first")
def test_a_batch_that_the_gate_refuses_is_told_and_leaves_readers_as_they_were(
    home: Path, settings: Settings, told: dict[str, str], chat: Webhook, mails: Mailbox
) -> None:
    before = settings.published.read_bytes()
    bad = write_batch(settings, events=2, seed=1, bad=60)
    refused = command(home, "run", "--seed", "7", env=told)
    assert refused.returncode == 1, refused.stdout
    assert re.search(r"^  quality_gate +failed", refused.stdout, re.MULTILINE), refused.stdout
    assert "marts." not in refused.stdout
    log = re.search(r"log: (logs/run_\S+\.log)", refused.stdout)
    assert log
    for text in (refused.stdout, (home / log[1]).read_text()):
        assert "assert_rejected_share" in text
        assert str(bad.batch_id) in text
    assert settings.published.read_bytes() == before

    (text,), (mail,) = chat.texts, mails.received
    for part in (
        "attribution_microbatch failed in quality_gate",
        "assert_rejected_share (tests/gate/assert_rejected_share.sql): 1 row",
        "Rows affected: 1 found by the checks",
        "Readers see: manual__",
        "/dags/attribution_microbatch/runs/manual__",
        "/tasks/quality_gate",
    ):
        assert part in text
    assert "assert_rejected_share" in body_of(mail)
    assert TOKEN not in refused.stdout
    (settings.streamed_events / f"{bad.batch_id}.ndjson").unlink()


@pytest.mark.usefixtures("first")
def test_a_full_refresh_that_is_stopped_leaves_nothing_behind(home: Path, settings: Settings) -> None:
    before = settings.published.read_bytes()
    stopped = stop_at(home, "run_backfill", "--full", line="transform.run_models", sent=signal.SIGINT)
    assert stopped == 128 + signal.SIGINT
    assert processes_of(home) == []
    assert settings.published.read_bytes() == before


@pytest.mark.usefixtures("first")
def test_a_date_range_is_read_again_and_nothing_is_lost_of_what_was_refused_and_stopped(
    home: Path, settings: Settings, told: dict[str, str], chat: Webhook, mails: Mailbox
) -> None:
    (settings.ad_spend / "tiktok.csv").write_text("day;cost\n")
    of_day = "shard = 'events_20260129'"
    theirs = f"person_id in (select person_id from int_events where {of_day})"
    count = (
        f"select count(*) from stg_ga_events where {of_day} union all select count(*) from int_events where {of_day}"
    )
    before = query(settings.warehouse, count)
    with duckdb.connect(str(settings.warehouse)) as warehouse:
        for spoil in (
            f"update mart_sessions set events = 0 where {theirs}",
            f"delete from int_events where {of_day}",
            f"delete from stg_ga_events where {of_day}",
        ):
            assert warehouse.execute(spoil).fetchall()[0][0] > 0
    mended = command(home, "run_backfill", "--start", "2026-01-29", "--end", "2026-01-30", env=told)
    assert mended.returncode == 0, mended.stdout
    assert "2 export tables were read again." in mended.stdout
    assert "Total" in mended.stdout
    assert "1 ad spend file set aside as wrong_columns: tiktok (unknown: day;cost" in mended.stdout
    assert query(settings.warehouse, count) == before
    assert query(settings.warehouse, f"select count(*) from mart_sessions where events = 0 and {theirs}") == [(0,)]
    assert read(settings.published) == read(settings.warehouse)

    landed = sorted(path.stem for path in settings.streamed_events.glob("*.ndjson"))
    counts = dict(query(settings.warehouse, "select shard, count(*) from int_events group by shard"))
    assert len(landed) == 2
    assert all(counts[batch] > 0 for batch in landed)
    assert len(query(settings.published, "select run_id from pipeline_runs")) == 2
    assert (len(chat.texts), len(mails.received)) == (2, 2), "failed, and a file that was set aside"
    with sqlite3.connect(home / "airflow" / "airflow.db") as metadata:
        assert metadata.execute("select count(*) from dag_run where state = 'running'").fetchall() == [(0,)]


@pytest.mark.usefixtures("first")
def test_upkeep_deletes_proves_and_writes_the_docs(settings: Settings) -> None:
    ((person,),) = query(
        settings.published, "select person_id from mart_attribution_last where starts_with(person_id, 'u') limit 1"
    )
    settings.deletion_requests.mkdir()
    request = settings.deletion_requests / "request.csv"
    request.write_text(f"kind,id\nperson,{person}\n")
    done = command(settings.home, "run_upkeep")
    assert done.returncode == 0, done.stdout
    assert "Deleted: 1 persons and devices of 1 requests" in done.stdout
    assert re.search(r"^Taken out: [1-9]\d* rows of [1-9]\d* landed files$", done.stdout, re.MULTILINE), done.stdout
    assert "Note:" not in done.stdout
    for mart in ("mart_attribution_last", "mart_sessions"):
        assert query(settings.published, f"select count(*) from {mart} where person_id = '{person}'") == [(0,)]
    assert not request.exists()
    assert query(settings.warehouse, "select count(*) from proofs") == [(1,)]
    assert (settings.dbt_docs / "static_index.html").stat().st_size > 0


@pytest.mark.usefixtures("first")
def test_no_secret_is_in_a_log(home: Path) -> None:
    secrets = re.findall(r'": "([^"]+)"', (home / "airflow" / "secrets.json").read_text())
    assert len(secrets) == 4
    logs = logs_of(home)
    assert any("ALERT attribution_microbatch failed in quality_gate" in log for log in logs)
    assert not [secret for secret in (*secrets, TOKEN) if any(secret in log for log in logs)]


@pytest.mark.rehearsal
@pytest.mark.usefixtures("first")
def test_what_cannot_be_deleted_or_proven_is_red_after_the_rest_of_the_work(settings: Settings) -> None:
    """A malformed request, and a row that somebody tampered with: each says what, where and what to do."""
    settings.deletion_requests.mkdir(exist_ok=True)
    (settings.deletion_requests / "wrong.csv").write_text("who\nann\n")
    with duckdb.connect(str(settings.warehouse)) as warehouse:
        ((tampered,),) = warehouse.execute("select min(conversion_id) from mart_attribution_last").fetchall()
        warehouse.execute("update mart_attribution_last set channel = 'X' where conversion_id = ?", [tampered])
    red = command(settings.home, "run_upkeep")
    assert red.returncode == 1, red.stdout
    assert re.search(r"^  trim_journal +success", red.stdout, re.MULTILINE), red.stdout
    assert re.search(r"^require_removed failed: .*wrong\.csv:1: the header is not kind,id", red.stdout, re.MULTILINE)
    assert re.search(r"^conclude failed: mart_attribution_last: 1 of .* only live", red.stdout, re.MULTILINE)
    assert (named := re.search(r"^All of these rows stand in (.*differences\.duckdb)\.$", red.stdout, re.MULTILINE))
    kept = "row_text ->> 'conversion_id', row_text ->> 'channel'"
    assert query(Path(named[1]), f"select {kept} from differences where found_in = 'live'") == [(tampered, "X")]
    assert "The marts of this run were published before it failed." in red.stdout


def test_a_wrong_folder_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    refused = command(tmp_path / "home", "run", "--ga4", str(tmp_path / "nowhere"))
    assert refused.returncode == 2
    assert "nowhere does not exist. Expected:" in refused.stdout
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["lock"]


SAMPLE = PROJECT.parent / "shared" / "ga4_sample"


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A user's own folder: three tables of the public sample, or where it is not there, generated and unsigned ones."""
    made = tmp_path / "export"
    made.mkdir()
    for file in sorted(SAMPLE.glob("*.parquet"))[:3]:
        (made / file.name).symlink_to(file)
    if not SAMPLE.is_dir():
        end = datetime(2026, 1, 31, 12, tzinfo=UTC)
        for path in write_history(tmp_path / "made", seed=7, end=end, days=5, people=900).files:
            pq.write_table(pq.read_table(path).replace_schema_metadata(None), made / path.name)
    return made


def test_own_data_has_a_home_in_which_nothing_is_simulated(export: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    done = command(own, "run", "--ga4", str(export), env={"OWN_DOMAINS": "shop.example"})
    assert done.returncode == 0, done.stdout
    assert re.search(r"^  stream_events +skipped", done.stdout, re.MULTILINE), done.stdout
    assert "DEMO" not in done.stdout
    published = own / "published" / "attribution.duckdb"
    assert query(published, "select count(*) > 10 from mart_attribution_last") == [(True,)]
    before = published.read_bytes()
    later = command(own, "run")
    assert later.returncode == 0, later.stdout
    assert re.search(r"^  await_streamed_rows +skipped", later.stdout, re.MULTILINE), later.stdout
    assert "Nothing new has landed" in later.stdout, "the home keeps the folder and the domains"
    assert "Total" in later.stdout
    assert "transform" not in later.stdout
    assert published.read_bytes() == before
    assert not [path for path in (own / "landing").rglob("*") if path.is_file()]
    assert not (own / "truth").exists()
