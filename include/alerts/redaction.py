"""Keeping secrets out of what is sent and logged."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from airflow.sdk.log import redact  # type: ignore[attr-defined]

HIDDEN = "***"
SHORTEST = 6
NAMES = re.compile(r"KEY|SECRET|TOKEN|PASSW|CREDENTIAL|_CONN(_|$)|SQL_ALCHEMY_CONN", re.IGNORECASE)
USER_INFO = re.compile(r"(?<=://)[^/\s@]+@")


def _of_environment() -> Iterator[str]:
    for name, value in os.environ.items():
        if NAMES.search(name):
            yield value
            try:
                yield unquote(urlsplit(value).password or "")
            except ValueError:
                continue


def without_secrets(text: str, *more: str | None) -> str:
    """The text with every secret that this process knows replaced by `***`.

    Known are: values of environment variables that are named like a secret, what Airflow masks (passwords of the
    connections that this process has read), who logs in where in a URL, and `more`.
    """
    known = {secret for secret in (*_of_environment(), *more) if secret and len(secret) >= SHORTEST}
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return str(redact(USER_INFO.sub(f"{HIDDEN}@", text)))
