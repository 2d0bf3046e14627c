"""Alerts of runs that really fail: at the command line, and under a scheduler with connections from the UI."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from include.local_airflow import LocalAirflow, free_port, local_airflow
from include.settings import PROJECT, Settings
from include.simulator.history import write_history
from include.simulator.stream import write_batch
from tests.dbt.project import environment
from tests.e2e.command_line import command
from tests.e2e.test_scheduler import BACKFILL, DAG, ONLY_TRIGGERED, PATIENCE_SECONDS, UPKEEP, ended, trigger
from tests.unit.alerts.servers import TOKEN, Mailbox, Webhook, body_of, mailbox, webhook

SMALL = {"seed": 7, "end": datetime(2026, 1, 31, 12, tzinfo=UTC), "days": 3, "people": 100}


#: A DAG file that cannot be read, and a DAG whose only task is killed as the kernel kills where memory runs out.
BROKEN = "from airflow.sdk import dag\nimport no_such_module_of_somebody_else"
KILLED = """
import os, signal
from airflow.sdk import DAG, task
with DAG("attribution_killed", schedule=None):
    @task(retries=0)
    def killed():
        os.kill(os.getpid(), signal.SIGKILL)
    killed()
"""


def beside_ours(folder: Path) -> str:
    """Airflow's setting of where DAGs lie: a folder with ours, a broken file and one that is killed."""
    shutil.copytree(PROJECT / "dags", folder)
    (folder / "a_broken_file.py").write_text(BROKEN)
    (folder / "a_killed_task.py").write_text(KILLED)
    bundle = {"classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {"path": str(folder)}}
    return json.dumps([{"name": "dags-folder", **bundle}])


def fresh(home: Path) -> Settings:
    """A home with a little history."""
    settings = Settings(home=home, ga4_export=home / "landing" / "ga4")
    settings.ga4_export.mkdir(parents=True)
    write_history(settings.ga4_export, **SMALL)  # type: ignore[arg-type]
    return settings


def until(happened: Callable[[], bool]) -> None:
    """Wait until it happened."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.3)


@pytest.mark.rehearsal
def test_a_red_run_at_the_command_line_tells_and_so_does_its_recovery(tmp_path: Path) -> None:
    settings = fresh(tmp_path / "home")
    with webhook() as chat, mailbox() as mails:
        env = {
            "AIRFLOW_CONN_ATTRIBUTION_WEBHOOK": chat.connection,
            "AIRFLOW_CONN_ATTRIBUTION_MAIL": mails.connection(),
        }
        assert command(settings.home, "run", "--events", "0", env=env).returncode == 0
        assert (chat.received, mails.received) == ([], [])

        bad = write_batch(settings, events=2, seed=1, bad=60)
        refused = command(settings.home, "run", "--events", "0", env=env)
        assert refused.returncode == 1, refused.stdout
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

        (settings.streamed_events / f"{bad.batch_id}.ndjson").unlink()
        mended = command(settings.home, "run", "--events", "0", env=env)
        assert mended.returncode == 0, mended.stdout
        assert "attribution_microbatch recovered" in chat.texts[1]
        assert (len(chat.texts), len(mails.received)) == (2, 2)
    logs = [path.read_text(errors="replace") for path in (settings.home / "logs").rglob("*") if path.is_file()]
    assert any("ALERT attribution_microbatch failed in quality_gate" in log for log in logs)
    assert not [log for log in (*logs, refused.stdout, *chat.texts) if TOKEN in log]


@pytest.fixture(scope="module")
def chat() -> Iterator[Webhook]:
    """A chat."""
    with webhook() as server:
        yield server


@pytest.fixture(scope="module")
def mails() -> Iterator[Mailbox]:
    """A mail server."""
    with mailbox() as server:
        yield server


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    """A started deployment on which a micro-batch is late after a minute, with other people's DAGs beside ours."""
    dags = beside_ours(tmp_path_factory.mktemp("beside") / "dags")
    settings = fresh(tmp_path_factory.mktemp("home"))
    with (
        environment({**ONLY_TRIGGERED, "LATE_MINUTES": "1", "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": dags}),
        local_airflow(settings, port=free_port(0)) as started,
    ):
        started.wait_until_healthy()
        yield started


@pytest.fixture(scope="module")
def client(airflow: LocalAirflow, chat: Webhook, mails: Mailbox) -> Iterator[httpx.Client]:
    """The REST API; both connections are made as the UI makes them."""
    with airflow.client() as connected:
        until(lambda: {connected.get(dag).status_code for dag in (DAG, BACKFILL, UPKEEP)} == {200})
        for conn_id, text in (("attribution_webhook", chat.connection), ("attribution_mail", mails.connection())):
            made = {**json.loads(text), "connection_id": conn_id}
            if "extra" in made:
                made["extra"] = json.dumps(made["extra"])
            connected.post("/connections", json=made).raise_for_status()
        yield connected


def run(client: httpx.Client, dag: str, **conf: object) -> str:
    """Trigger a run and wait for its end; its state."""
    return ended(client, trigger(client, dag, **conf))[0]


def test_a_red_run_under_the_scheduler_is_told_once_though_the_chat_is_down(
    client: httpx.Client, chat: Webhook, mails: Mailbox, airflow: LocalAirflow
) -> None:
    chat.answers = [500] * 3
    assert run(client, BACKFILL, start_date="2030-01-01", end_date="2030-01-02") == "failed"
    until(lambda: len(mails.received) == 1)
    assert "attribution_backfill failed in " in str(mails.received[0]["Subject"])
    until(lambda: chat.tries == 3)
    assert chat.received == []
    assert run(client, BACKFILL, full_refresh=True) == "success"
    until(lambda: len(chat.texts) == 2)
    until(lambda: len(mails.received) == 2)
    assert "attribution_backfill failed in " in chat.texts[0], "kept while the chat was down"
    assert "attribution_backfill recovered" in chat.texts[1]


def test_a_broken_file_beside_ours_is_shown_and_ours_run(client: httpx.Client, airflow: LocalAirflow) -> None:
    until(lambda: client.get("/importErrors").json()["total_entries"] == 1)
    (error,) = client.get("/importErrors").json()["import_errors"]
    assert error["filename"].endswith("a_broken_file.py")
    assert "no_such_module_of_somebody_else" in error["stack_trace"]
    assert run(client, DAG, events=5) == "success"
    assert airflow.settings.published.exists()


def test_a_killed_worker_is_told_with_its_cause(client: httpx.Client, chat: Webhook) -> None:
    until(lambda: client.get("/dags/attribution_killed").status_code == httpx.codes.OK)
    assert run(client, "/dags/attribution_killed") == "failed"
    until(lambda: any("attribution_killed failed in killed" in text for text in chat.texts))
    (text,) = [one for one in chat.texts if "attribution_killed" in one]
    assert "killed" in text.partition("Cause: ")[2].partition("\n")[0]


@pytest.mark.rehearsal
def test_a_late_run_is_told_once_and_goes_on(client: httpx.Client, chat: Webhook, mails: Mailbox) -> None:
    before = len(chat.texts), len(mails.received)
    assert run(client, DAG, events=0, wait_seconds=90) == "success"
    until(lambda: len(chat.texts) >= before[0] + 2)
    until(lambda: len(mails.received) >= before[1] + 2)
    late = [text for text in chat.texts if "attribution_microbatch is late" in text]
    assert late
    assert "not ended after 1 min" in late[0]
    assert len(late) == len({text.splitlines()[1] for text in late}), "one a run"
    assert any("the late run has ended" in text for text in chat.texts)


def test_no_secret_of_a_connection_is_in_a_log(airflow: LocalAirflow, chat: Webhook) -> None:
    logs = [path for path in (airflow.settings.home / "logs").rglob("*") if path.is_file()]
    assert any("ALERT attribution_backfill failed" in path.read_text(errors="replace") for path in logs)
    assert not [path for path in logs if TOKEN in path.read_text(errors="replace")]
