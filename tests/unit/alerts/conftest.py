"""A home, a chat and a mailbox of its own for each test, and an Airflow that knows both by environment variables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from include.alerts import channels
from include.settings import Settings
from tests.unit.alerts.servers import Mailbox, Webhook, mailbox, webhook


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty home, without pauses between tries."""
    monkeypatch.setenv("ATTRIBUTION_HOME", str(tmp_path))
    monkeypatch.setattr(channels, "PAUSES_SECONDS", (0, 0))
    return Settings(home=tmp_path, ga4_export=tmp_path / "landing" / "ga4")


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """A webhook, and its connection."""
    with webhook() as server:
        monkeypatch.setenv("AIRFLOW_CONN_ATTRIBUTION_WEBHOOK", server.connection)
        yield server


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A mail server, and its connection."""
    with mailbox() as server:
        monkeypatch.setenv("AIRFLOW_CONN_ATTRIBUTION_MAIL", server.connection())
        yield server
