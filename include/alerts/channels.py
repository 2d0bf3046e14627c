"""Where alerts go: Airflow connections, by their type, each sent to by the notifier of its provider.

`slackwebhook`: Slack, or whatever takes the same message (Mattermost, Rocket.Chat, Discord's `/slack`): host and
password make the URL. `smtp`: mail; the extra says `from_email` and `to`.
"""

from __future__ import annotations

import html
import logging
import re
import time

from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier
from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from include.alerts.causes import without_secrets

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10
PAUSES_SECONDS = (1, 4)

#: What the extra of a connection must say, by the types that alerts go out by.
NEEDED = {"slackwebhook": (), "smtp": ("from_email", "to")}


def _send(connection: Connection, text: str) -> None:
    if connection.conn_type == "slackwebhook":
        plain = html.escape(text, quote=False)  # the three characters that Slack's format names
        chat = SlackWebhookNotifier(slack_webhook_conn_id=connection.conn_id, text=plain, timeout=TIMEOUT_SECONDS)
        chat.notify({})  # type: ignore[no-untyped-call]
    else:
        linked = re.sub(r"https?://[^\s,]+", lambda found: f"<a href='{found[0]}'>{found[0]}</a>", html.escape(text))
        SmtpNotifier(
            smtp_conn_id=connection.conn_id,
            to=connection.extra_dejson["to"],
            subject=text.partition("\n")[0],
            html_content=f"<p style='white-space: pre-wrap'>{linked}</p>",
        ).notify({})


def _unfit(connection: Connection) -> str | None:
    """Say why a connection cannot carry an alert as it is set up; None where it can."""
    if connection.conn_type not in NEEDED:
        return f"{connection.conn_id} is of type {connection.conn_type}; allowed are {' and '.join(NEEDED)}"
    missing = [name for name in NEEDED[connection.conn_type] if not connection.extra_dejson.get(name)]
    return f"the extra of the connection {connection.conn_id} lacks {' and '.join(missing)}" if missing else None


def send_by(conn_id: str, text: str, *, required: bool = False) -> str | None:
    """Send an alert by this connection, once more after each pause; None when it went out, else why not.

    A connection that does not exist has nothing to carry, unless it is `required`. One of another type, or that is not
    set up, is not tried again.
    """
    try:
        connection: Connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return f"ALERT_CONNECTIONS names {conn_id}, and there is no such connection" if required else None
    problem = _unfit(connection)
    if problem is not None:
        return problem
    for pause in (0, *PAUSES_SECONDS):
        time.sleep(pause)
        try:
            _send(connection, text)
        except Exception as error:  # whatever a server or a library does, the next channel is tried
            problem = f"{conn_id}: {without_secrets(f'{type(error).__name__}: {error}')}"
            log.warning("not sent yet by %s", problem)
        else:
            return None
    return problem
