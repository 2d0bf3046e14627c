"""Where alerts go: Airflow connections, by their type.

`slackwebhook`: Slack, or whatever takes the same message (Mattermost, Rocket.Chat, Discord's `/slack`): host and
password make the URL. `smtp`: mail; the extra says `from_email` and `to`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook
from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from include.alerts.message import Alert, as_mail, as_slack
from include.alerts.redaction import without_secrets

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10
PAUSES_SECONDS = (1, 4)


class ChannelError(RuntimeError):
    """The connection cannot carry an alert as it is set up; the message says what to change."""


class _Mail(SmtpHook):
    """Airflow's mail hook, which tries once: we do the rest, with pauses."""

    smtp_retry_limit = 0
    timeout = TIMEOUT_SECONDS


def _send_slack(connection: Connection, alert: Alert) -> None:
    SlackWebhookHook(slack_webhook_conn_id=connection.conn_id, timeout=TIMEOUT_SECONDS).send_dict(as_slack(alert))


def _send_mail(connection: Connection, alert: Alert) -> None:
    extra = connection.extra_dejson
    missing = [name for name in ("from_email", "to") if not extra.get(name)]
    if missing:
        raise ChannelError(f"the extra of the connection {connection.conn_id} lacks {' and '.join(missing)}")
    subject, body = as_mail(alert)
    with _Mail(connection.conn_id) as mail:
        mail.send_email_smtp(to=extra["to"], subject=subject, html_content=body)


SENDERS: dict[str, Callable[[Connection, Alert], None]] = {"slackwebhook": _send_slack, "smtp": _send_mail}


def _hidden(connection: Connection, error: BaseException) -> str:
    extra: dict[str, Any] = connection.extra_dejson
    secrets = [value for name, value in extra.items() if name not in {"to", "from_email"} and isinstance(value, str)]
    return without_secrets(f"{type(error).__name__}: {error}", connection.password, *secrets)


def send_by(conn_id: str, alert: Alert, *, required: bool = False) -> str | None:
    """Send the alert by this connection, once more after each pause; None when it went out, else why not.

    A connection that does not exist has nothing to carry, unless it is `required`. One of another type, or that is not
    set up, is not tried again.
    """
    try:
        connection: Connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return f"ALERT_CONNECTIONS names {conn_id}, and there is no such connection" if required else None
    sender = SENDERS.get(connection.conn_type or "")
    if sender is None:
        return f"{conn_id} is of type {connection.conn_type}; allowed are {' and '.join(SENDERS)}"
    problem = ""
    for pause in (0, *PAUSES_SECONDS):
        time.sleep(pause)
        try:
            sender(connection, alert)
        except ChannelError as error:
            return str(error)
        except Exception as error:  # whatever a server or a library does, the next channel is tried
            problem = f"{conn_id}: {_hidden(connection, error)}"
            log.warning("not sent yet by %s", problem)
        else:
            return None
    return problem
