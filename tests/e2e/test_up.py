"""`make up` as a user starts it: login, dashboard, runs, alerts, and nothing left when it ends; in this order."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import duckdb
import httpx
import pytest
from playwright.sync_api import expect

from tests.dashboard.site import CHROMIUM, NO_CHROMIUM, chromium
from tests.e2e.command_line import logs_of, processes_of
from tests.e2e.deployment import (
    BACKFILL,
    DAG,
    PATIENCE_SECONDS,
    UPKEEP,
    Up,
    ended,
    log_of,
    run,
    tasks_of,
    trigger,
    until,
    up,
    with_other_peoples_dags,
)
from tests.unit.alerts.servers import TOKEN, Mailbox, Webhook


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A deployment on which a micro-batch is late after a minute, with other people's DAGs beside ours."""
    home = tmp_path_factory.mktemp("home")
    with_other_peoples_dags(home)
    with up(home, {"MICROBATCH_SCHEDULE": "none", "LATE_MINUTES": "1"}) as started:
        yield started


@pytest.fixture(scope="module")
def client(airflow: Up, chat: Webhook, mails: Mailbox) -> Iterator[httpx.Client]:
    """The REST API; both connections are made as the UI makes them."""
    with airflow.client() as connected:
        for conn_id, text in (("attribution_webhook", chat.connection), ("attribution_mail", mails.connection())):
            made = {**json.loads(text), "connection_id": conn_id}
            if "extra" in made:
                made["extra"] = json.dumps(made["extra"])
            connected.post("/connections", json=made).raise_for_status()
        yield connected


def test_a_triggered_run_publishes_beside_a_file_that_cannot_be_read(client: httpx.Client, airflow: Up) -> None:
    state, tasks = run(client, DAG, events=20, seed=3)
    assert state == "success", tasks
    assert set(tasks.values()) == {"success"}
    with duckdb.connect(str(airflow.settings.published), read_only=True) as published:
        for table in ("mart_sessions", "report_channels"):
            assert published.execute(f"select count(*) > 0 from {table}").fetchall() == [(True,)]
    events = client.get("/assets/events", params={"source_dag_id": "attribution_microbatch"}).json()
    assert events["total_entries"] >= 1
    assert "preloaded" in (airflow.settings.home / "logs" / "scheduler.log").read_text()
    (error,) = client.get("/importErrors").json()["import_errors"]
    assert error["filename"].endswith("a_broken_file.py")
    assert "no_such_module_of_somebody_else" in error["stack_trace"]


def test_the_dashboard_shows_the_run_to_who_is_logged_in(client: httpx.Client, airflow: Up) -> None:
    views = client.get("/plugins").json()["plugins"]
    (view,) = [view for plugin in views for view in plugin["external_views"] if view["name"] == "Attribution"]
    page = f"{airflow.url}{view['href']}"
    assert httpx.get(f"{page}api/channels").status_code == httpx.codes.UNAUTHORIZED
    led = httpx.get(page, headers={"Accept": "text/html"})
    assert led.headers["location"] == "/api/v2/auth/login?next=%2Fattribution%2F"
    assert httpx.get(f"{airflow.url}{led.headers['location']}", follow_redirects=True).status_code == httpx.codes.OK

    headers = {"Authorization": client.headers["Authorization"]}
    assert httpx.get(f"{page}api/channels", headers=headers, timeout=60).json()["rows"]
    found = httpx.get(f"{page}api/airflow", headers=headers).json()
    assert "success" in {run["state"] for run in found["runs"]}
    assert {task["task"]: task["p50_seconds"] for task in found["tasks"]}["publish"] > 0


@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
@pytest.mark.usefixtures("client")
def test_airflows_own_page_shows_the_dashboard(airflow: Up) -> None:
    with chromium() as browser:
        page = browser.new_context(color_scheme="light").new_page()
        page.set_default_timeout(60_000)
        page.goto(airflow.url)
        page.locator("[name=username]").fill(airflow.user)
        page.locator("[name=password]").fill(airflow.password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Attribution", exact=True).click()
        shown = page.frame_locator("iframe[title=Attribution]")
        chart = shown.locator("#channels-chart .main-svg").first
        chart.wait_for()

        page.get_by_role("button", name="User").click()
        page.get_by_role("menuitem", name="Appearance").click()
        page.get_by_role("menuitemradio", name="Dark Mode").click()
        expect(shown.locator("html")).to_have_attribute("data-theme", "dark")

        shown.locator("[name=model]").select_option("linear")
        expect(page).to_have_url(re.compile("/plugin/attribution/.*model=linear"))
        page.reload()
        chart.wait_for()
        expect(shown.locator("[name=model]")).to_have_value("linear")
        with page.expect_download() as download:
            shown.get_by_role("link", name="Download conversions as CSV").click()
        assert "conversion_id" in Path(download.value.path()).read_text()

        shown.get_by_role("link", name="Operations").click()
        shown.get_by_role("table", name="Published runs").wait_for()
        shown.get_by_role("table", name="Last runs").wait_for()
        expect(page).to_have_url(re.compile(r"/plugin/attribution/attribution/operations\?.*model=linear"))


@pytest.mark.parametrize(
    ("dag", "task", "said"),
    [
        (BACKFILL, "mark_tables", "everything, among it 3 export tables"),
        pytest.param(DAG, "await_streamed_rows", "taken in; found nothing new", marks=pytest.mark.rehearsal),
        pytest.param(UPKEEP, "take_deletions", "dry run, nothing was changed", marks=pytest.mark.rehearsal),
    ],
)
def test_a_dry_run_says_what_it_would_do_and_does_nothing(
    client: httpx.Client, airflow: Up, dag: str, task: str, said: str
) -> None:
    landed, before = sorted(airflow.settings.streamed_events.iterdir()), airflow.settings.published.read_bytes()
    path = trigger(client, dag, dry_run=True, **({"full_refresh": True} if dag == BACKFILL else {}))
    state, tasks = ended(client, path)
    assert (state, tasks[task], tasks["publish"]) == ("success", "skipped", "skipped")
    assert said in log_of(client, path, task)
    assert sorted(airflow.settings.streamed_events.iterdir()) == landed
    assert airflow.settings.published.read_bytes() == before


@pytest.mark.parametrize(
    ("dag", "conf"),
    [
        (DAG, {"events": -1}),
        (BACKFILL, {"start_date": "2026-02-30"}),
        (BACKFILL, {"end_date": "1 May"}),
        (BACKFILL, {"full_refresh": "yes"}),
    ],
)
def test_wrong_params_are_refused_by_the_form(client: httpx.Client, dag: str, conf: dict[str, object]) -> None:
    answer = client.post(f"{dag}/dagRuns", json={"logical_date": None, "conf": conf})
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert next(iter(conf)) in answer.text


def test_a_red_run_is_told_once_though_the_chat_is_down(client: httpx.Client, chat: Webhook, mails: Mailbox) -> None:
    chat.answers = [500] * 3
    assert run(client, BACKFILL, start_date="2030-01-01", end_date="2030-01-02")[0] == "failed"
    until(lambda: len(told_of(mails, "attribution_backfill failed in ")) == 1)
    until(lambda: not chat.answers)


def told_of(mails: Mailbox, what: str) -> list[str]:
    """The subjects of the mails that tell of it; a micro-batch that is late on a busy machine has mails of its own."""
    return [str(mail["Subject"]) for mail in mails.received if what in str(mail["Subject"])]


def test_two_runs_never_mix(client: httpx.Client) -> None:
    idle = trigger(client, DAG, events=0, wait_seconds=PATIENCE_SECONDS)
    until(lambda: tasks_of(client, idle).get("await_streamed_rows") == "running")
    backfill = trigger(client, BACKFILL, full_refresh=True)
    state, tasks = ended(client, idle)
    assert (state, tasks["await_streamed_rows"], tasks["publish"]) == ("success", "skipped", "skipped")
    assert "waits for its turn" in log_of(client, idle, "await_streamed_rows"), "who has nothing to do gives way"
    until(lambda: tasks_of(client, backfill).get("take_turn") == "success")

    late = trigger(client, DAG, events=20)
    state, tasks = ended(client, late)
    assert (state, set(tasks.values())) == ("success", {"skipped"})
    assert "attribution_backfill" in log_of(client, late, "take_turn")
    again = {"dag_run_id": idle.rpartition("/")[2], "task_ids": ["prepare"], "dry_run": False, "only_failed": False}
    client.post(f"{DAG}/clearTaskInstances", json=again).raise_for_status()
    assert ended(client, idle)[1]["prepare"] == "failed", "a task that is cleared takes no other run's turn"
    assert "has had the turn since" in log_of(client, idle, "prepare", attempt=2)

    assert client.get(backfill).json()["state"] == "running", "all of that happened while the backfill was at work"
    state, tasks = ended(client, backfill)
    assert (state, set(tasks.values())) == ("success", {"success"})


def test_what_the_chat_missed_and_the_recovery_are_told(chat: Webhook, mails: Mailbox) -> None:
    until(lambda: len(told_of(mails, "attribution_backfill recovered")) == 1)
    until(lambda: any("attribution_backfill recovered" in text for text in chat.texts))
    assert len([text for text in chat.texts if "attribution_backfill failed in " in text]) == 1, (
        "kept while it was down"
    )
    assert len(told_of(mails, "attribution_backfill failed in ")) == 1


def test_a_killed_worker_is_told_with_its_cause(client: httpx.Client, chat: Webhook) -> None:
    until(lambda: client.get("/dags/attribution_killed").status_code == httpx.codes.OK)
    assert run(client, "/dags/attribution_killed")[0] == "failed"
    until(lambda: any("attribution_killed failed in killed" in text for text in chat.texts))
    (text,) = [one for one in chat.texts if "attribution_killed" in one]
    assert "killed" in text.partition("Cause: ")[2].partition("\n")[0]


@pytest.mark.rehearsal
def test_a_late_run_is_told_once_and_goes_on(client: httpx.Client, chat: Webhook, mails: Mailbox) -> None:
    assert run(client, DAG, events=0)[0] == "success"
    before = len(chat.texts), len(mails.received)
    assert run(client, DAG, events=0, wait_seconds=90)[0] == "success"
    until(lambda: len(chat.texts) >= before[0] + 2)
    until(lambda: len(mails.received) >= before[1] + 2)
    late = [text for text in chat.texts if "attribution_microbatch is late" in text]
    assert late
    assert "not ended after 1 min" in late[0]
    assert len(late) == len({text.splitlines()[1] for text in late}), "one a run"
    assert any("the late run has ended" in text for text in chat.texts)


@pytest.mark.rehearsal
def test_a_night_without_the_proof_ends_with_the_docs(client: httpx.Client, airflow: Up) -> None:
    state, tasks = run(client, UPKEEP, proof=False)
    assert state == "success", tasks
    assert {name for name, task in tasks.items() if task != "success"} >= {"take_snapshot", "prove", "conclude"}
    assert {tasks[name] for name in ("publish", "require_removed", "trim_journal", "write_docs")} == {"success"}
    assert (airflow.settings.dbt_docs / "static_index.html").exists()


def test_a_stranger_is_not_let_in(airflow: Up) -> None:
    assert httpx.get(f"{airflow.url}/api/v2{DAG}").status_code == httpx.codes.UNAUTHORIZED
    wrong = httpx.post(f"{airflow.url}/auth/token", json={"username": "admin", "password": "admin"})
    assert wrong.status_code == httpx.codes.UNAUTHORIZED


def leaves_nothing(airflow: Up, sent: int, ends: int) -> None:
    """A signal ends it with this exit code; no process and no secret stays behind."""
    home = airflow.settings.home
    assert len(processes_of(home)) >= 5
    code, rest = airflow.stop(sent)
    assert code == ends
    until(lambda: processes_of(home) == [])
    logs = logs_of(home)
    assert logs
    assert not [log for log in (*logs, rest) if airflow.password in log or TOKEN in log]


@pytest.mark.usefixtures("client")
def test_stopping_it_leaves_no_process_and_no_secret(airflow: Up) -> None:
    leaves_nothing(airflow, signal.SIGTERM, 0)
    assert any("ALERT attribution_backfill failed" in log for log in logs_of(airflow.settings.home))


@pytest.mark.rehearsal
@pytest.mark.parametrize(("sent", "ends"), [(signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_however_it_is_stopped_it_leaves_no_process(tmp_path: Path, sent: int, ends: int) -> None:
    with up(tmp_path / "home", {}) as started:
        leaves_nothing(started, sent, ends)
