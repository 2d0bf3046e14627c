"""The DAGs under a real scheduler with LocalExecutor, started as `make up` starts it and driven by the REST API."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from playwright.sync_api import expect

from include.airflow_env import USER
from include.local_airflow import LocalAirflow, free_port, local_airflow
from include.settings import Settings
from include.simulator.history import write_history
from tests.dashboard.site import CHROMIUM, NO_CHROMIUM, chromium
from tests.dbt.project import environment

DAG = "/dags/attribution_microbatch"
BACKFILL = "/dags/attribution_backfill"
UPKEEP = "/dags/attribution_upkeep"
PATIENCE_SECONDS = 900  # a broken run costs a quarter of an hour; a busy machine breaks nothing
ONLY_TRIGGERED = {"MICROBATCH_SCHEDULE": "none"}


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    """A started deployment on a fresh home with a little history."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, ga4_export=home / "landing" / "ga4")
    settings.ga4_export.mkdir(parents=True)
    write_history(settings.ga4_export, seed=7, end=datetime(2026, 1, 31, 12, tzinfo=UTC), days=3, people=100)
    with environment(ONLY_TRIGGERED), local_airflow(settings, port=free_port(0)) as started:
        started.wait_until_healthy()
        yield started


@pytest.fixture(scope="module")
def client(airflow: LocalAirflow) -> Iterator[httpx.Client]:
    """The REST API, once the DAGs are there."""
    with airflow.client() as connected:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until and {connected.get(dag).status_code for dag in (DAG, BACKFILL, UPKEEP)} != {200}:
            time.sleep(0.5)
        yield connected


def trigger(client: httpx.Client, dag: str, **conf: object) -> str:
    """Trigger a run; its path in the API."""
    answer = client.post(f"{dag}/dagRuns", json={"logical_date": None, "conf": conf})
    answer.raise_for_status()
    return f"{dag}/dagRuns/{answer.json()['dag_run_id']}"


def tasks_of(client: httpx.Client, path: str) -> dict[str, str]:
    """The state of each task of a run."""
    instances: list[dict[str, Any]] = client.get(f"{path}/taskInstances").json()["task_instances"]
    return {instance["task_id"]: instance["state"] for instance in instances}


def wait_for(client: httpx.Client, path: str, task: str, state: str) -> None:
    """Wait until a task of a run has this state."""
    until = time.monotonic() + PATIENCE_SECONDS
    while tasks_of(client, path).get(task) != state:
        assert time.monotonic() < until, tasks_of(client, path)
        time.sleep(0.3)


def ended(client: httpx.Client, path: str) -> tuple[str, dict[str, str]]:
    """Wait for the run's end: its state, and the state of each task."""
    until = time.monotonic() + PATIENCE_SECONDS
    state = "queued"
    while state in {"queued", "running"} and time.monotonic() < until:
        time.sleep(0.5)
        state = client.get(path).json()["state"]
    return state, tasks_of(client, path)


def run(client: httpx.Client, **conf: object) -> tuple[str, dict[str, str]]:
    """Trigger a micro-batch and wait for the run's end: its state, and the state of each task."""
    return ended(client, trigger(client, DAG, **conf))


def test_a_triggered_run_publishes(client: httpx.Client, airflow: LocalAirflow) -> None:
    state, tasks = run(client, events=20, seed=3)
    assert state == "success", tasks
    assert set(tasks.values()) == {"success"}
    with duckdb.connect(str(airflow.settings.published), read_only=True) as published:
        assert published.execute("select count(*) > 0 from mart_sessions").fetchall() == [(True,)]
        assert published.execute("select count(*) > 0 from report_channels").fetchall() == [(True,)]
    events = client.get("/assets/events", params={"source_dag_id": "attribution_microbatch"}).json()
    assert events["total_entries"] >= 1
    assert "preloaded" in (airflow.settings.home / "logs" / "scheduler.log").read_text()


def test_the_dashboard_shows_the_run_to_who_is_logged_in(client: httpx.Client, airflow: LocalAirflow) -> None:
    views = client.get("/plugins").json()["plugins"]
    (view,) = [view for plugin in views for view in plugin["external_views"] if view["name"] == "Attribution"]
    page = f"{airflow.url}{view['href']}"
    headers = {"Authorization": client.headers["Authorization"]}
    for path in ("", "operations", "static/plotly.min.js", "api/channels", "api/airflow"):
        assert httpx.get(f"{page}{path}").status_code == httpx.codes.UNAUTHORIZED
        assert httpx.get(f"{page}{path}", headers=headers, timeout=60).status_code == httpx.codes.OK, path
    led = httpx.get(page, headers={"Accept": "text/html"})
    assert led.headers["location"] == "/api/v2/auth/login?next=%2Fattribution%2F"
    assert httpx.get(f"{airflow.url}{led.headers['location']}", follow_redirects=True).status_code == httpx.codes.OK

    total = httpx.get(f"{page}api/channels?start=2026-01-01&end=2026-12-31", headers=headers).json()["total"]
    with duckdb.connect(str(airflow.settings.published), read_only=True) as published:
        ((sold,),) = published.execute("select sum(revenue) from mart_attribution_last").fetchall()
    assert total["revenue"] == float(sold)
    found = httpx.get(f"{page}api/airflow", headers=headers).json()
    assert "success" in {run["state"] for run in found["runs"]}
    tasks = {task["task"]: task["p50_seconds"] for task in found["tasks"]}
    assert tasks["publish"] > 0


@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
def test_airflows_own_page_shows_the_dashboard(airflow: LocalAirflow) -> None:
    with chromium() as browser:
        page = browser.new_context(color_scheme="light").new_page()
        page.set_default_timeout(60_000)
        page.goto(airflow.url)
        page.locator("[name=username]").fill(USER)
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


def test_without_news_the_run_is_skipped(client: httpx.Client) -> None:
    state, tasks = run(client, events=0, wait_seconds=1)
    assert state == "success", tasks
    assert {tasks.pop("take_turn"), tasks.pop("prepare")} == {"success"}
    assert set(tasks.values()) == {"skipped"}


def test_a_dry_run_says_what_would_be_taken_again_and_takes_nothing(
    client: httpx.Client, airflow: LocalAirflow
) -> None:
    before = airflow.settings.published.read_bytes()
    path = trigger(client, BACKFILL, full_refresh=True, dry_run=True)
    state, tasks = ended(client, path)
    assert (state, tasks["mark_tables"], tasks["publish"]) == ("success", "skipped", "skipped")
    assert "everything, among it 3 export tables" in log_of(client, path, "mark_tables")
    assert airflow.settings.published.read_bytes() == before


def test_a_dry_batch_says_what_is_new_and_streams_nothing(client: httpx.Client, airflow: LocalAirflow) -> None:
    landed = sorted(airflow.settings.streamed_events.iterdir())
    path = trigger(client, DAG, dry_run=True)
    state, tasks = ended(client, path)
    assert (state, tasks["stream_events"], tasks["await_streamed_rows"]) == ("success", "skipped", "skipped")
    assert "nothing was taken in; found nothing new" in log_of(client, path, "await_streamed_rows")
    assert sorted(airflow.settings.streamed_events.iterdir()) == landed


def test_a_night_without_the_proof_ends_with_the_docs(client: httpx.Client, airflow: LocalAirflow) -> None:
    dry = ended(client, trigger(client, UPKEEP, dry_run=True))
    assert (dry[0], dry[1]["take_deletions"], dry[1]["publish"]) == ("success", "skipped", "skipped")
    state, tasks = ended(client, trigger(client, UPKEEP, proof=False))
    assert state == "success", tasks
    assert {name for name, task in tasks.items() if task != "success"} >= {"take_snapshot", "prove", "conclude"}
    assert {tasks[name] for name in ("publish", "require_removed", "trim_journal", "write_docs")} == {"success"}
    assert (airflow.settings.dbt_docs / "static_index.html").exists()


def test_wrong_params_are_refused_by_the_form(client: httpx.Client) -> None:
    answer = client.post(f"{DAG}/dagRuns", json={"logical_date": None, "conf": {"events": -1}})
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert "events" in answer.text


@pytest.mark.parametrize("conf", [{"start_date": "2026-02-30"}, {"end_date": "1 May"}, {"full_refresh": "yes"}])
def test_a_wrong_backfill_is_refused_by_the_form(client: httpx.Client, conf: dict[str, object]) -> None:
    answer = client.post(f"{BACKFILL}/dagRuns", json={"logical_date": None, "conf": conf})
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert next(iter(conf)) in answer.text


def log_of(client: httpx.Client, path: str, task: str, attempt: int = 1) -> str:
    """What a try of a task logged."""
    return client.get(f"{path}/taskInstances/{task}/logs/{attempt}", headers={"Accept": "application/json"}).text


def test_two_runs_never_mix(client: httpx.Client) -> None:
    idle = trigger(client, DAG, events=0, wait_seconds=PATIENCE_SECONDS)
    wait_for(client, idle, "await_streamed_rows", "running")
    backfill = trigger(client, BACKFILL, full_refresh=True)
    assert ended(client, idle)[1]["await_streamed_rows"] == "skipped", "who has nothing to do gives way"
    assert "waits for its turn" in log_of(client, idle, "await_streamed_rows")
    wait_for(client, backfill, "take_turn", "success")

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


def test_a_stranger_is_not_let_in(airflow: LocalAirflow) -> None:
    assert httpx.get(f"{airflow.url}/api/v2{DAG}").status_code == httpx.codes.UNAUTHORIZED
    wrong = httpx.post(f"{airflow.url}/auth/token", json={"username": "admin", "password": "admin"})
    assert wrong.status_code == httpx.codes.UNAUTHORIZED


def test_stopping_leaves_no_process(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, ga4_export=tmp_path / "landing" / "ga4")
    with environment({}), local_airflow(settings, port=free_port(0)) as started:
        groups = [process.pid for process in started.processes]
        assert started.ended() is None
    living = [path.parent.name for path in Path("/proc").glob("[0-9]*/stat") if process_group(path) in groups]
    assert living == []


def process_group(stat: Path) -> int | None:
    """The process group of a living process; None where it has ended."""
    try:
        state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
    except OSError:
        return None
    return None if state == "Z" else int(group)
