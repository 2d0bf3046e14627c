"""Alerts by real servers, and their causes: what arrives in which words, why one cannot be sent, and no secret."""

from __future__ import annotations

import json
import logging
import os
import time

import pytest

from include.alerts import RED, channels
from include.alerts.causes import LONGEST, Cause, in_words, note, noted
from include.alerts.channels import send_by
from include.quality import ChecksFailedError
from include.settings import Settings
from tests.unit.alerts.servers import PASSWORD, TOKEN, Mailbox, Webhook, body_of

pytestmark = pytest.mark.usefixtures("settings")

TITLE = f"{RED} attribution_microbatch failed in quality_gate"
ALERT = f"{TITLE}\nCause: assert <x> & y: 12 rows\nWhat to do: http://host/docs/a.md, its docs"


def test_an_alert_arrives_whole_as_plain_text_and_as_a_mail(chat: Webhook, mails: Mailbox) -> None:
    chat.answers = [503, 500]
    assert send_by("attribution_webhook", ALERT) is None
    assert chat.tries == 3, "a server that stumbles is asked again"
    text = f"{TITLE}\nCause: assert &lt;x&gt; &amp; y: 12 rows\nWhat to do: http://host/docs/a.md, its docs"
    assert chat.received == [(f"/services/{TOKEN}", {"text": text})]
    assert send_by("attribution_mail", ALERT) is None
    (mail,) = mails.received
    assert (mail["Subject"], mail["From"]) == (TITLE, "airflow@example.com")
    assert mails.recipients == [["oncall@example.com", "lead@example.com"]]
    for part in ("assert &lt;x&gt; &amp; y: 12 rows\n", "<a href='http://host/docs/a.md'>http://host/docs/a.md</a>,"):
        assert part in body_of(mail)


def test_a_connection_that_is_not_there_is_a_problem_only_where_it_is_named() -> None:
    assert send_by("attribution_webhook", ALERT) is None
    problem = send_by("attribution_webhook", ALERT, required=True)
    assert problem == "ALERT_CONNECTIONS names attribution_webhook, and there is no such connection"


def test_a_refusal_is_told_and_logged_without_the_secret(
    chat: Webhook, mails: Mailbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    chat.answers = [404] * 3
    wrong = mails.connection().replace(PASSWORD, "the-old-password")
    monkeypatch.setenv("AIRFLOW_CONN_ATTRIBUTION_MAIL", wrong)
    with caplog.at_level(logging.DEBUG):
        problems = [send_by(conn_id, ALERT) or "" for conn_id in ("attribution_webhook", "attribution_mail")]
    assert "404" in problems[0]
    assert "no such hook: /services/***" in problems[0], "the server's answer, which repeats the secret"
    assert "535" in problems[1]
    said = caplog.text + "".join(problems)
    assert (TOKEN in said, "the-old-password" in said) == (False, False)


def test_a_slow_server_is_not_waited_for(chat: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "TIMEOUT_SECONDS", 1)
    monkeypatch.setattr(channels, "PAUSES_SECONDS", ())
    chat.delay = 3
    assert "timed out" in (send_by("attribution_webhook", ALERT) or "")


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


RUN = ("attribution_microbatch", "manual__2026-01-31T12:00:00+00:00", "quality_gate")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "The disk is full. Make room"),
        (RuntimeError("IO Error: Could not set lock on file x"), "The warehouse is open in another process."),
        ("Task did not emit heartbeat within time limit", "The task's process was killed or lost"),
        (
            "Executor LocalExecutor(parallelism=8) reported that the task instance finished with state failed",
            "The task's process was killed or lost",
        ),
        (ConnectionRefusedError(111, "Connection refused"), "A server that the task needs does not answer."),
        (ValueError("something new"), "ValueError: something new"),
        (None, "The task ended without a word"),
        (ChecksFailedError("assert_x: 12 rows", "", 12), "assert_x: 12 rows"),
    ],
)
def test_a_cause_in_plain_words(error: BaseException | str | None, words: str) -> None:
    assert in_words(error).startswith(words)


def test_an_endless_error_is_cut() -> None:
    assert len(in_words(ValueError("x" * 10_000))) < LONGEST + 20


def test_a_cause_is_kept_for_a_week_with_its_rows_and_without_secrets(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "killed" in noted(settings, *RUN).words, "a task that could not say why"
    monkeypatch.setenv("SHOP_API_KEY", "k3y-of-the-shop")
    note(settings, *RUN, ChecksFailedError("k3y-of-the-shop postgresql://me:word@db/x: 12 rows", "", 12))
    assert noted(settings, *RUN) == Cause("*** postgresql://***@db/x: 12 rows", 12)
    (path,) = (settings.home / "alerts" / "causes").iterdir()
    os.utime(path, (time.time() - 30 * 86_400,) * 2)
    note(settings, RUN[0], RUN[1], "audit", "new")
    assert "killed" in noted(settings, *RUN).words
    assert noted(settings, RUN[0], RUN[1], "audit").words == "new"
