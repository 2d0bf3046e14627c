"""Says and sends what waits in the outbox: `python -m include.alerts.deliver`, started by `start` as a run ends.

One process at a time; what it cannot send stays, and is tried again as the next run ends, for a day.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime

from include.alerts import set_aside
from include.alerts.message import Alert
from include.alerts.outbox import Event, Known, alone, keep_known, pending, put, read_known, take_out
from include.alerts.stale import look
from include.settings import PROJECT, Settings

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 86_400

_started: list[subprocess.Popen[bytes]] = []


def start(unkept: Event | None = None, *, quiet: bool = False) -> None:
    """Deliver in a process of its own, whose output goes where this one's goes, or nowhere.

    In the process group of its starter, so that nothing outlives a deployment that is stopped. unkept: what the outbox
    could not take, handed over as it is.
    """
    _started[:] = [process for process in _started if process.poll() is None]
    # Airflow's word for a process that may read connections from its database
    env = {**os.environ, "_AIRFLOW_PROCESS_CONTEXT": "server", "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "include.alerts.deliver", *([json.dumps(asdict(unkept))] if unkept else [])]
    out = subprocess.DEVNULL if quiet else None
    _started.append(
        subprocess.Popen(command, cwd=PROJECT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)  # noqa: S603
    )


def finish() -> None:
    """Wait for the deliveries that this process started."""
    for process in _started:
        process.wait()


def _say(settings: Settings, event: Event, known: Known) -> None:
    """Compose what there is to say of a run that ended, and say it in Airflow's own log."""
    like_any_other = event.good and event.dag_id not in known.red and event.dag_id not in known.late
    if event.key in known.told or like_any_other:
        take_out(settings, event)
        return
    from include.alerts.compose import compose  # noqa: PLC0415 - seconds of Airflow's imports

    alert = compose(settings, event, known)
    known.told[event.key] = event.at
    if alert is None:
        take_out(settings, event)
    else:
        log.warning("ALERT %s", alert.text)
        put(settings, replace(event, alert=asdict(alert)))
    keep_known(settings, known)


def say(settings: Settings) -> None:
    """Compose what there is to say: of the runs that ended, of the data's age, and of files that were set aside.

    What cannot be composed (Airflow's database is down) is logged and waits.
    """
    known = read_known(settings)
    for event in pending(settings):
        if event.alert is None:
            try:
                _say(settings, event, known)
            except Exception:
                log.exception("what to say of %s is not known yet; tried again as the next run ends", event.key)
    now = datetime.now(UTC).replace(tzinfo=None)
    stale = look(settings, known, now)
    for found in (*([stale] if stale else []), *set_aside.look(settings, known, now)):
        log.warning("ALERT %s", Alert.from_json(found.alert or {}).text)
        put(settings, found)
    keep_known(settings, known)


def _sent(settings: Settings, conn_id: str, alert: Alert) -> bool:
    """Send the alert by this connection; why it did not go out is logged."""
    from include.alerts.channels import send_by  # noqa: PLC0415 - seconds of Airflow's imports

    problem = send_by(conn_id, alert, required=settings.alert_connections_named)
    if problem is not None:
        log.error("ALERT NOT SENT: %s. %s", alert.title, problem)
    return problem is None


def send(settings: Settings) -> None:
    """Send what is composed by every connection that does not have it yet."""
    for event in [one for one in pending(settings) if one.alert is not None]:
        alert = Alert.from_json(event.alert or {})
        wanting = [one for one in settings.alert_connections if one not in event.delivered]
        got = [conn_id for conn_id in wanting if _sent(settings, conn_id, alert)]
        if got != wanting and time.time() - event.at < PATIENCE_SECONDS:
            put(settings, replace(event, delivered=(*event.delivered, *got)))
        else:
            take_out(settings, event)


def deliver(settings: Settings, *, database: bool = True) -> None:
    """Say and send all that waits; where Airflow's database is out of reach, send what is composed already.

    Raises OSError when the home cannot be written.
    """
    with alone(settings):
        if database:
            say(settings)
        send(settings)


def deliver_unkept(settings: Settings, event: Event) -> None:
    """Say and send at once what the home cannot keep, as where its disk is full: once each way, and never again."""
    from include.alerts.compose import compose  # noqa: PLC0415 - seconds of Airflow's imports

    alert = Alert.from_json(event.alert) if event.alert else compose(settings, event, read_known(settings))
    if alert is None:
        return
    log.warning("ALERT %s", alert.text)
    for conn_id in settings.alert_connections:
        _sent(settings, conn_id, alert)


def main(unkept: list[str]) -> int:
    """Deliver; the exit code. unkept: events, as JSON, that the outbox could not take."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s - %(message)s")
    try:
        for text in unkept:
            deliver_unkept(Settings.from_env(), Event.from_json(text))
        deliver(Settings.from_env())
    except Exception:
        log.exception("alerts were not delivered; what waits is tried again as the next run ends")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
