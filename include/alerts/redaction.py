"""Keeping secrets out of what is sent and logged."""

from __future__ import annotations

import os
import re

from airflow.sdk.log import redact  # type: ignore[attr-defined]

HIDDEN = "***"
SHORTEST = 6
NAMES = re.compile(r"KEY|SECRET|TOKEN|PASSW|CREDENTIAL|_CONN(_|$)|SQL_ALCHEMY_CONN", re.IGNORECASE)
USER_INFO = re.compile(r"(?<=://)[^/\s@]+@")


def without_secrets(text: str) -> str:
    """Replace every secret that this process knows by `***`.

    Known are: values of environment variables that are named like a secret, what Airflow masks (passwords and extras
    of the connections that this process has read), and logins in URLs.
    """
    known = {value for name, value in os.environ.items() if NAMES.search(name) and len(value) >= SHORTEST}
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return str(redact(USER_INFO.sub(f"{HIDDEN}@", text)))
