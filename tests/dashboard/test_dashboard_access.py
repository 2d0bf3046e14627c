"""Every route refuses a stranger and who may not look; wrong questions are refused by name, whatever they hold."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import jwt
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from include.dashboard.app import HEADERS, create_app
from include.settings import Settings
from tests.dashboard.conftest import Token, client_of, mounted

ROUTES = {
    "": 200,
    "operations": 200,
    "static/style.css": 200,
    "static/plotly.min.js": 200,
    "static/nothing.js": 404,
    "api/summary": 200,
    "api/channels": 200,
    "api/campaigns": 200,
    "api/days": 200,
    "api/paths": 200,
    "api/lengths": 200,
    "api/conversions": 200,
    "api/find?id=x": 200,
    "api/conversion?id=x": 404,
    "api/operations": 200,
    "api/airflow": 200,
    "api/rejected": 200,
    "download/channels.csv": 200,
    "download/conversions.parquet": 200,
    "docs/runbooks/set_aside.md": 200,
    "docs/images/channels_light.png": 200,
    "docs/nothing.md": 404,
    "no/such/page": 404,
}
FILTERS = ("start", "end", "model", "other", "channel", "device", "customer")
INJECTIONS = ("' or 1=1 --", "Email'; drop table mart_attribution; --", "$model", "{0}", "a\x00b", "x" * 600)


def test_the_routes_above_are_all_there_are(settings: Settings) -> None:
    routes = create_app(settings).routes
    templates = {route.path for route in routes if isinstance(route, APIRoute)}
    shown = {f"/{path.partition('?')[0]}" for path in ROUTES}
    filled = {"/static/{name}", "/docs/{name:path}", "/download/{table}.{kind}", "/{path:path}"}
    assert templates - filled == {
        path for path in shown if not path.startswith(("/static", "/docs", "/download", "/no"))
    }
    assert len(routes) == len(templates), "no route but those that are guarded"


@pytest.mark.parametrize("path", ROUTES)
def test_a_viewer_gets_it_by_cookie_and_by_token_and_a_stranger_nothing(
    app: FastAPI, viewer: TestClient, token: Token, path: str
) -> None:
    stranger = client_of(app)
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        answer = stranger.get(path, headers=headers)
        assert answer.status_code in {401, 403}
        assert set(answer.json()) == {"detail"}
    assert stranger.get(path, headers={"Authorization": f"Bearer {token(None)}"}).status_code == 403
    assert stranger.post(path).status_code in {401, 405}

    answer = viewer.get(path)
    assert answer.status_code == ROUTES[path], answer.text[:300]
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    answer = stranger.get(path, headers={"Authorization": f"Bearer {token('viewer')}"})
    assert answer.status_code == ROUTES[path]


def test_a_browser_without_a_login_of_this_home_is_led_to_it_and_back(app: FastAPI, token: Token) -> None:
    other = jwt.encode(jwt.decode(token("viewer"), options={"verify_signature": False}), "x" * 64, algorithm="HS512")
    for stale in ("", other, "nonsense"):
        stranger = client_of(app, stale)
        answer = stranger.get("operations?channel=Email&model=linear", headers={"Accept": "text/html,*/*"})
        assert answer.status_code == 307
        wanted = "%2Fattribution%2Foperations%3Fchannel%3DEmail%26model%3Dlinear"
        assert answer.headers["location"] == f"/api/v2/auth/login?next={wanted}"
        answer = stranger.get("api/summary", headers={"Accept": "application/json"})
        assert (answer.status_code, list(answer.json())) == (401, ["detail"])


@pytest.mark.parametrize("name", FILTERS)
def test_what_no_filter_has_is_refused_and_runs_nowhere(viewer: TestClient, name: str) -> None:
    for path in ("api/channels", "api/conversions", "download/days.csv"):
        for value in INJECTIONS:
            answer = viewer.get(path, params={name: value})
            assert answer.status_code in {400, 422}, answer.text
            assert name in answer.text


def test_free_text_is_only_ever_compared(viewer: TestClient) -> None:
    for path, name in (
        *(("api/conversions", name) for name in ("source", "medium", "campaign")),
        ("api/find", "id"),
        ("api/rejected", "reason"),
    ):
        answer = viewer.get(path, params={name: "' or 1=1 --"})
        assert (answer.status_code, answer.json()["rows"]) == (200, [])


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("start=31.01.2026", 422, "start"),
        ("start=2026-02-02&end=2026-01-01", 400, "after the end"),
        ("end=0001-01-01", 422, "greater than or equal to 2000-01-01"),
        ("start=9999-12-31", 422, "less than or equal to 2100-01-01"),
        ("model=best", 400, "model is 'best'; published are first_click"),
        ("modell=linear", 422, "modell"),
        ("page=-1", 422, "page"),
        ("page=x", 422, "page"),
    ],
)
def test_a_wrong_parameter_is_named(viewer: TestClient, query: str, status: int, told: str) -> None:
    answer = viewer.get(f"api/conversions?{query}")
    assert answer.status_code == status
    assert told in answer.text


def test_before_the_first_publish_the_page_says_what_to_do(tmp_path: Path, viewer: TestClient, token: Token) -> None:
    own = client_of(mounted(Settings(home=tmp_path, ga4_export=tmp_path)), token("viewer"))
    answer = own.get("api/summary")
    assert (answer.status_code, answer.json()["state"]) == (503, "empty")
    assert "Run attribution_microbatch" in answer.json()["detail"]
    for page in ("", "operations"):
        assert '<span class="badge">demo data</span>' in viewer.get(page).text
        assert "badge" not in own.get(page).text, "its data would be its owner's"


@pytest.mark.parametrize(
    ("damage", "state"), [("garbage", "broken"), ("cut", "broken"), ("older", "outdated"), ("without", "empty")]
)
def test_a_published_file_that_cannot_be_read_says_why_and_where_nothing(
    tmp_path: Path, settings: Settings, token: Token, damage: str, state: str
) -> None:
    other = Settings(home=tmp_path, ga4_export=tmp_path)
    other.published.parent.mkdir()
    shutil.copyfile(settings.published, other.published)  # without its mode, read-only
    whole = other.published.read_bytes()
    if damage in {"garbage", "cut"}:
        other.published.write_bytes({"garbage": b"\0oops" * 9999, "cut": whole[:65_536]}[damage])
    else:
        with duckdb.connect(str(other.published)) as connection:
            older = "alter table mart_attribution drop column customer_type"
            connection.execute(older if damage == "older" else "delete from mart_attribution_last")
    client = client_of(mounted(other), token("viewer"))
    answer = client.get("api/channels")
    assert (answer.status_code, answer.json()["state"]) == (503, state)
    assert str(tmp_path) not in answer.text
    other.published.unlink()
    shutil.copy(settings.published, other.published)
    assert client.get("api/channels").status_code == 200, "the next publish mends it"
