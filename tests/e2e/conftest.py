"""Where alerts go to: a chat and a mail server for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.alerts.servers import Mailbox, Webhook, mailbox, webhook


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
