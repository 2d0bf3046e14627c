"""`make up` as a user starts it: the login once, and nothing left when it ends, however it ends."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.command_line import begin
from tests.e2e.test_run import processes_of

PATIENCE_SECONDS = 300


@pytest.mark.parametrize("sent", [pytest.param(signal.SIGINT, marks=pytest.mark.rehearsal), signal.SIGKILL])
def test_up_tells_the_login_once_and_leaves_no_process(tmp_path: Path, sent: signal.Signals) -> None:
    home = tmp_path / "home"
    with begin(home, "up") as running:
        assert running.stdout is not None
        told = next(line for line in running.stdout if line.startswith("Airflow is at"))
        url, user, password = re.findall(r"(http\S+)  user: (\S+)  password: (\S+)", told)[0]
        answer = httpx.post(f"{url}/auth/token", json={"username": user, "password": password}, timeout=60)
        assert answer.status_code == httpx.codes.CREATED
        assert len(processes_of(home)) >= 5
        running.send_signal(sent)
        rest = running.stdout.read() if sent == signal.SIGINT else ""
        assert running.wait() == (0 if sent == signal.SIGINT else -signal.SIGKILL)
    assert password not in rest
    until = time.monotonic() + PATIENCE_SECONDS
    while processes_of(home) and time.monotonic() < until:
        time.sleep(0.5)
    assert processes_of(home) == []
    logs = [path for path in (home / "logs").rglob("*") if path.is_file()]
    assert logs
    assert not [path for path in logs if password in path.read_text(errors="replace")]
