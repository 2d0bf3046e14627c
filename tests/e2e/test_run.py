"""`make run` from a fresh home: the whole DAG through Airflow, then again, then with a batch the gate refuses."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from include.settings import PROJECT, Settings
from include.simulator.history import write_history
from include.simulator.stream import write_batch
from tests.e2e.command_line import command, query, stop_at

SMALL = ("--seed", "7", "--people", "300", "--days", "10")


def make_run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`make run`."""
    return command(home, "run", *arguments)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for the journey below; the tests run in this order."""
    return tmp_path_factory.mktemp("home") / "state"


@pytest.fixture(scope="module")
def settings(home: Path) -> Settings:
    """The settings of that home."""
    return Settings(home=home, ga4_export=home / "landing" / "ga4")


@pytest.fixture(scope="module")
def first(home: Path) -> subprocess.CompletedProcess[str]:
    """The first run, on generated data."""
    return make_run(home, *SMALL)


def test_a_fresh_home_ends_with_the_attribution_table(
    first: subprocess.CompletedProcess[str], settings: Settings
) -> None:
    assert first.returncode == 0, first.stdout
    assert "This home holds demo data" in first.stdout
    assert "DEMO DATA · What each channel earned" in first.stdout
    for task in ("prepare", "stream_events", "transform.int_sessions", "quality_gate", "audit", "publish"):
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


def test_the_log_is_named_and_nothing_is_left_running(first: subprocess.CompletedProcess[str], home: Path) -> None:
    log = re.search(r"log: (logs/run_\S+\.log)", first.stdout)
    assert log, first.stdout
    assert "transform.int_sessions" in (home / log[1]).read_text()
    assert processes_of(home) == []


def processes_of(home: Path) -> list[str]:
    """The ids of the processes that work on this home."""
    wanted = f"ATTRIBUTION_HOME={home}".encode()
    return [path.parent.name for path in Path("/proc").glob("[0-9]*/environ") if wanted in environment(path)]


def environment(path: Path) -> bytes:
    """The environment of a process, or nothing where it ended meanwhile."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_no_secret_is_in_a_log(first: subprocess.CompletedProcess[str], home: Path) -> None:
    secrets = re.findall(r'": "([^"]+)"', (home / "airflow" / "secrets.json").read_text())
    assert len(secrets) == 4
    logs = [path.read_text(errors="replace") for path in (home / "logs").rglob("*") if path.is_file()]
    assert logs
    assert not [secret for secret in secrets if any(secret in text for text in (*logs, first.stdout))]


@pytest.mark.usefixtures("first")
def test_a_second_run_adds_its_batch_once(home: Path, settings: Settings) -> None:
    before = query(settings.warehouse, "select count(*) from int_events")
    again = make_run(home, *SMALL)
    assert again.returncode == 0, again.stdout
    batches = sorted(settings.streamed_events.glob("*.ndjson"))
    assert len(batches) == 2
    shards = dict(query(settings.warehouse, "select shard, count(*) from int_events group by shard"))
    added = shards[batches[1].stem]
    assert added > 0
    assert query(settings.warehouse, "select count(*) from int_events") == [(before[0][0] + added,)]
    runs = query(settings.published, "select batch_shards, batch_events from pipeline_runs order by published_at")
    landed = [*settings.ga4_export.iterdir(), *settings.ad_spend.iterdir()]
    assert runs[0][0] == len(landed) + 1
    assert runs[1] == (1, added)


@pytest.mark.usefixtures("first")
def test_nothing_new_ends_the_run_skipped(home: Path, settings: Settings) -> None:
    before = settings.published.read_bytes()
    idle = make_run(home, "--events", "0")
    assert idle.returncode == 0, idle.stdout
    assert re.search(r"^  await_streamed_rows +skipped", idle.stdout, re.MULTILINE), idle.stdout
    assert "Nothing new has landed" in idle.stdout
    assert "Total" in idle.stdout
    assert "transform" not in idle.stdout
    assert settings.published.read_bytes() == before


@pytest.mark.usefixtures("first")
def test_a_batch_that_the_gate_refuses_leaves_readers_as_they_were(home: Path, settings: Settings) -> None:
    before = settings.published.read_bytes()
    bad = write_batch(settings, events=2, seed=1, bad=60)
    refused = make_run(home, "--events", "0")
    assert refused.returncode == 1, refused.stdout
    assert re.search(r"^  quality_gate +failed", refused.stdout, re.MULTILINE), refused.stdout
    assert "marts." not in refused.stdout
    log = re.search(r"log: (logs/run_\S+\.log)", refused.stdout)
    assert log
    for text in (refused.stdout, (home / log[1]).read_text()):
        assert "assert_rejected_share" in text
        assert str(bad.batch_id) in text
    assert settings.published.read_bytes() == before

    still = make_run(home, "--events", "0")
    assert still.returncode == 1, "a batch that was refused must not pass because nothing else arrived"
    (settings.streamed_events / f"{bad.batch_id}.ndjson").unlink()
    (settings.ad_spend / "tiktok.csv").write_text("day;cost\n")
    mended = make_run(home, "--events", "0")
    assert mended.returncode == 0, mended.stdout
    assert re.search(r"^  publish +success", mended.stdout, re.MULTILINE), mended.stdout
    assert "1 ad spend file set aside as wrong_columns: tiktok (unknown: day;cost" in mended.stdout


@pytest.mark.parametrize("sent", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.rehearsal)])
@pytest.mark.usefixtures("first")
def test_a_run_that_is_stopped_leaves_nothing_behind_and_loses_nothing(
    home: Path, settings: Settings, sent: signal.Signals
) -> None:
    before = settings.published.read_bytes()
    assert stop_at(home, "run", *SMALL, line="transform.", sent=sent) == 128 + sent
    assert processes_of(home) == []
    assert settings.published.read_bytes() == before
    again = make_run(home, *SMALL, "--events", "0")
    assert again.returncode == 0, again.stdout
    batch = max(settings.streamed_events.glob("*.ndjson")).stem
    assert query(settings.published, f"select count(*) from shards where shard = '{batch}'") == [(1,)]
    with sqlite3.connect(home / "airflow" / "airflow.db") as metadata:
        assert metadata.execute("select count(*) from dag_run where state = 'running'").fetchall() == [(0,)]


def test_a_wrong_folder_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    refused = make_run(tmp_path / "home", "--ga4", str(tmp_path / "nowhere"))
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


@pytest.mark.usefixtures("first")
def test_own_data_and_demo_data_never_share_a_home(
    home: Path, settings: Settings, export: Path, tmp_path: Path
) -> None:
    """Own data is refused by the demo home; in a home of its own nothing is simulated, and later runs read it too."""
    landed = {path for path in (home / "landing").rglob("*") if path.is_file()}
    refused = make_run(home, "--ga4", str(export))
    assert refused.returncode == 2, refused.stdout
    assert "ATTRIBUTION_HOME" in refused.stdout
    assert "make clean-demo" in refused.stdout
    assert {path for path in (home / "landing").rglob("*") if path.is_file()} == landed

    own = tmp_path / "own"
    done = command(own, "run", "--ga4", str(export), env={"OWN_DOMAINS": "shop.example"})
    assert done.returncode == 0, done.stdout
    assert re.search(r"^  stream_events +skipped", done.stdout, re.MULTILINE), done.stdout
    assert "DEMO" not in done.stdout
    published = own / "published" / "attribution.duckdb"
    assert query(published, "select count(*) > 10 from mart_attribution_last") == [(True,)]
    before = published.read_bytes()
    later = make_run(own)
    assert later.returncode == 0, later.stdout
    assert "Nothing new has landed" in later.stdout, "the home keeps the folder and the domains"
    assert published.read_bytes() == before
    assert make_run(own, "--events", "5").returncode == 2
    assert command(own, "clean_demo").returncode == 2
    assert not [path for path in (own / "landing").rglob("*") if path.is_file()]
    assert not (own / "truth").exists()
