"""A real web server and a real mail server on loopback that keep what they are sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from include.local_airflow import free_port

TOKEN = "/".join(("T0001", "B0002", "s3cr3t-of-the-webhook"))
PASSWORD = "-".join(("pass", "of", "the", "mail", "server"))


@dataclass
class Webhook:
    """Where it answers and what came: path and body. answers: the status of each answer in turn, then 200."""

    port: int = 0
    answers: list[int] = field(default_factory=list)
    delay: float = 0.0
    tries: int = 0
    received: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """What a chat would show."""
        return [body["text"] for _, body in self.received]

    @property
    def connection(self) -> str:
        """The Airflow connection, as an environment variable holds it."""
        host = f"http://127.0.0.1:{self.port}/services"
        return json.dumps({"conn_type": "slackwebhook", "host": host, "password": TOKEN})


@contextmanager
def webhook() -> Iterator[Webhook]:
    """A Slack-compatible server."""
    kept = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.tries += 1
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(kept.delay)
            status = kept.answers.pop(0) if kept.answers else 200
            if status == 200:
                kept.received.append((self.path, body))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"ok" if status == 200 else f"no such hook: {self.path}".encode())

        def log_message(self, *arguments: object) -> None:
            """Not on the console."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Mailbox:
    """Where it answers and what came."""

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)

    def connection(self, **extra: str) -> str:
        """The Airflow connection, as an environment variable holds it."""
        plain = {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com"}
        return json.dumps(
            {
                "conn_type": "smtp",
                "host": "127.0.0.1",
                "port": self.port,
                "login": "airflow",
                "password": PASSWORD,
                "extra": {**plain, "to": "oncall@example.com, lead@example.com", **extra},
            }
        )


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mail server that wants the password."""
    kept = Mailbox()

    class Handler:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
            message = message_from_bytes(envelope.content or b"", policy=policy.default)  # type: ignore[arg-type]
            assert isinstance(message, EmailMessage)
            kept.received.append(message)
            kept.recipients.append(list(envelope.rcpt_tos))
            return "250 OK"

    def authenticate(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        right = data.password == PASSWORD.encode()
        return AuthResult(success=right, handled=right)  # not handled: the server itself answers 535

    controller = Controller(
        Handler(),
        hostname="127.0.0.1",
        port=free_port(0),
        authenticator=authenticate,
        auth_require_tls=False,
        auth_required=True,
    )
    controller.start()
    kept.port = controller.port
    try:
        yield kept
    finally:
        controller.stop()


def body_of(message: EmailMessage) -> str:
    """The text of a mail."""
    part = message.get_body(("html", "plain"))
    assert part is not None
    return str(part.get_content())
