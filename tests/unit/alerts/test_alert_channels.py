"""Alerts by real servers: what arrives, and what becomes of one that cannot be sent."""

from __future__ import annotations

import json
import logging

import pytest

from include.alerts import channels
from include.alerts.channels import send_by
from include.alerts.message import RED, Alert
from tests.unit.alerts.servers import PASSWORD, TOKEN, Mailbox, Webhook, body_of, free_port

ALERT = Alert(
    RED,
    "attribution_microbatch failed in quality_gate",
    (("Cause", "assert <x> & y: 12 rows"), ("Run", "manual__1"), ("What to do", "http://host/docs/a.md, its docs")),
    "http://127.0.0.1:8080/dags/a/runs/b",
)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three tries without pauses."""
    monkeypatch.setattr(channels, "PAUSES_SECONDS", (0, 0))


def test_a_chat_gets_the_whole_alert_as_plain_text(chat: Webhook) -> None:
    assert send_by("attribution_webhook", ALERT) is None
    ((path, body),) = chat.received
    assert path == f"/services/{TOKEN}"
    assert body == {
        "text": f"{RED} attribution_microbatch failed in quality_gate\nCause: assert &lt;x&gt; &amp; y: 12 rows\n"
        "Run: manual__1\nWhat to do: http://host/docs/a.md, its docs\nLog: http://127.0.0.1:8080/dags/a/runs/b"
    }


def test_a_mail_gets_it_too_with_the_title_as_subject(mails: Mailbox) -> None:
    assert send_by("attribution_mail", ALERT) is None
    (mail,) = mails.received
    assert mail["Subject"] == f"{RED} attribution_microbatch failed in quality_gate"
    assert mail["From"] == "airflow@example.com"
    assert mails.recipients == [["oncall@example.com", "lead@example.com"]]
    for part in (
        "assert &lt;x&gt; &amp; y: 12 rows",
        "manual__1",
        "<a href='http://host/docs/a.md'>",
        "http://127.0.0.1:8080/dags/a/runs/b",
    ):
        assert part in body_of(mail)


def test_what_is_not_there_carries_nothing_unless_it_is_named() -> None:
    assert send_by("attribution_webhook", ALERT) is None
    problem = send_by("attribution_webhook", ALERT, required=True)
    assert problem == "ALERT_CONNECTIONS names attribution_webhook, and there is no such connection"


def test_a_server_that_stumbles_is_asked_again(chat: Webhook) -> None:
    chat.answers = [503, 500]
    assert send_by("attribution_webhook", ALERT) is None
    assert (chat.tries, len(chat.received)) == (3, 1)


def test_a_wrong_webhook_is_logged_without_its_secret(chat: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    chat.answers = [404] * 3
    with caplog.at_level(logging.DEBUG):
        problem = send_by("attribution_webhook", ALERT)
    assert problem is not None
    assert problem.startswith("attribution_webhook: ")
    assert "404" in problem
    assert "no such hook: /services/***" in problem, "the server's answer, which repeats the secret"
    assert TOKEN not in problem + caplog.text
    assert chat.received == []


def test_a_server_that_is_down_is_no_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    for conn_id, connection in (
        ("attribution_webhook", Webhook(port=port).connection),
        ("attribution_mail", Mailbox(port=port).connection()),
    ):
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", connection)
        problem = send_by(conn_id, ALERT)
        assert problem is not None
        assert "refused" in problem


def test_a_slow_server_is_not_waited_for(chat: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "TIMEOUT_SECONDS", 1)
    chat.delay = 3
    monkeypatch.setattr(channels, "PAUSES_SECONDS", ())
    problem = send_by("attribution_webhook", ALERT)
    assert problem is not None
    assert "timed out" in problem


def test_a_wrong_password_of_the_mail_server_is_logged_without_it(
    mails: Mailbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = mails.connection().replace(PASSWORD, "the-old-password")
    monkeypatch.setenv("AIRFLOW_CONN_ATTRIBUTION_MAIL", wrong)
    with caplog.at_level(logging.DEBUG):
        problem = send_by("attribution_mail", ALERT)
    assert problem is not None
    assert "535" in problem
    assert "the-old-password" not in problem + caplog.text
    assert mails.received == []


@pytest.mark.parametrize(
    ("connection", "problem"),
    [
        ({"conn_type": "ftp"}, "attribution_mail is of type ftp; allowed are slackwebhook and smtp"),
        (
            {"conn_type": "smtp", "host": "127.0.0.1"},
            "the extra of the connection attribution_mail lacks from_email and to",
        ),
    ],
)
def test_a_connection_that_cannot_work_says_what_to_change(
    connection: dict[str, str], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ATTRIBUTION_MAIL", json.dumps(connection))
    assert send_by("attribution_mail", ALERT) == problem
