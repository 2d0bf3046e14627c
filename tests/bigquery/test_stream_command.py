"""The command on BigQuery: `stream_events.py` over real HTTP, its lines, its exit codes, what it keeps."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from google.cloud import bigquery

from include import stream_events
from include.streaming import streamer as streamer_module
from include.streaming.streamer import Streamer
from tests.bigquery.conftest import DATASET, PROJECT
from tests.bigquery.double.faults import Fault
from tests.bigquery.double.service import Service
from tests.bigquery.streaming import QUICK, TABLE, stored


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of a deployment on BigQuery."""
    for name in ("GA4_EXPORT", "ATTRIBUTION_DATASET", "BQ_LOCATION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ATTRIBUTION_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DBT_TARGET", "bigquery")
    monkeypatch.setenv("GCP_PROJECT", PROJECT)
    monkeypatch.setenv("GA4_DATASET", f"{PROJECT}.{DATASET}")
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def _google(service: Service, client: bigquery.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the command would connect to Google, it meets the stand-in; the rest is its own."""
    service.warehouse.datasets[TABLE[:2]] = {"location": "US"}
    monkeypatch.setattr(streamer_module, "connect", lambda *_: client)
    monkeypatch.setattr(streamer_module, "Streamer", partial(Streamer, retry=QUICK))


@pytest.fixture
def _demo(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment of which demo data is wanted."""
    monkeypatch.setenv("SIMULATE", "true")


def lines(path: Path, *texts: str) -> Path:
    path.write_text("".join(f"{text}\n" for text in texts), "utf-8")
    return path


@pytest.mark.usefixtures("_demo")
def test_simulated_batches_go_on_from_one_another(
    home: Path, client: bigquery.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        assert stream_events.main(["--events", "30", "--seed", "7", "--bad", "2"]) == 0
    told = capsys.readouterr().out.splitlines()
    rows = stored(client)
    assert len(rows) == len(set(rows)) == 3 * 32
    assert sorted({batch_id[:12] for batch_id, _, _ in rows}) == ["batch_000001", "batch_000002", "batch_000003"]
    assert told[0::3] == ["Streaming 30 events..."] * 3
    events = [json.loads(text) for _, _, text in rows if text.startswith("{") and text.endswith("}")]
    starts = [min(e["event_timestamp"] for e in events if e.get("batch_id") == b) for b in sorted({r[0] for r in rows})]
    assert starts == sorted(starts)
    assert not any((home / "outbox").iterdir())
    assert not (home / "landing").exists()
    bought = {e["event_id"] for e in events if e.get("event_name") == "purchase" and "items" in e}
    assert sum(int(line.split()[-1]) for line in told[1::3]) == len(bought) > 0


def test_a_file(home: Path, client: bigquery.Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Blank lines keep their number; what is no JSON goes too, for the pipeline to set aside; the file again adds 0."""
    purchase = {"event_name": "purchase", "transaction_id": "T1", "value": 12.5, "currency": "EUR"}
    texts = [
        json.dumps({"event_name": "page_view", "page": "ü"}),
        "",
        json.dumps(purchase | {"currency": "USD"}),
        json.dumps(purchase | {"currency": "USD"}),
        json.dumps(purchase | {"transaction_id": "T2"}),
        "{broken",
        "[1]",
        json.dumps(purchase | {"transaction_id": None, "currency": None, "value": 1000}),
    ]
    path = lines(tmp_path / "my events.ndjson", *texts)
    for _ in range(2):
        assert stream_events.main(["--file", str(path)]) == 0
        assert capsys.readouterr().out == "Streaming 5 events...\n  - Purchases: 3\n  - Revenue: $1,012.50\n"
    rows = stored(client)
    assert [(number, text) for _, number, text in rows] == [(n, t) for n, t in enumerate(texts, 1) if t]
    assert {batch_id[:-16] for batch_id, _, _ in rows} == {"my_events_"}
    assert not home.exists()


@pytest.mark.usefixtures("_demo")
def test_a_batch_that_failed_waits_and_goes_with_the_next(
    home: Path, client: bigquery.Client, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    service.faults.add(Fault("backendError", request="POST /upload/", times=100_000))
    assert stream_events.main(["--events", "5", "--seed", "1"]) == 1
    service.faults.waiting.clear()
    assert stored(client) == []
    told = capsys.readouterr()
    assert told.out == "Streaming 5 events...\n"
    (kept,) = (home / "outbox").iterdir()
    assert f"It waits as {kept}; the next simulated batch sends it first." in told.err
    assert stream_events.main(["--events", "3", "--seed", "1"]) == 0
    assert [batch_id[:12] for batch_id, _, _ in stored(client)] == ["batch_000001"] * 5 + ["batch_000002"] * 3
    assert not kept.exists()


@pytest.mark.parametrize(
    ("reason", "code", "message"),
    [
        ("accessDenied", 2, "roles of docs/bigquery.md"),
        ("quotaExceeded", 1, "refuses for now"),
    ],
)
@pytest.mark.usefixtures("_demo")
def test_faults_are_one_line(
    service: Service, capsys: pytest.CaptureFixture[str], reason: str, code: int, message: str
) -> None:
    service.faults.add(Fault(reason, request="POST .*/(jobs|queries)$", times=100_000))
    assert stream_events.main([]) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.usefixtures("home")
def test_nothing_is_simulated_unless_a_setting_says_so(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    assert stream_events.main([]) == 2
    assert "SIMULATE=true" in capsys.readouterr().err
    assert service.requests == []
