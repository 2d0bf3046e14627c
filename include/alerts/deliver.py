"""Says and sends what waits in the outbox: `python -m include.alerts.deliver`, started as a run ends.

One process at a time; what it cannot send stays, and is tried again as the next run ends, for a day.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime

from include.alerts import GREEN, RED
from include.alerts.conditions import look
from include.alerts.outbox import Event, Known, alone, keep_known, pending, put, read_known
from include.settings import PROJECT, Settings

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 86_400

_started: list[subprocess.Popen[bytes]] = []


def hand_over(settings: Settings, event: Event, *, quiet: bool = False) -> None:
    """Put an event down and start delivering it; what the home cannot take goes to that process as it is."""
    try:
        put(settings, event)
    except OSError:  # the disk is full, or the home is gone: that is when somebody must know
        log.exception("the home cannot be written; %s is told now or never", event.key)
        start(event, quiet=quiet)
    else:
        start(quiet=quiet)


def tell_disk(settings: Settings, full: str | None) -> None:
    """Tell that the disk is full, in which words, or that it has room again.

    Under `make up` Airflow's own database is on it, so no run ends that could tell.
    """
    if full:
        text = f"{RED} attribution: the disk is full\nDisk: {full}"
    else:
        text = f"{GREEN} attribution: the disk has room again\nRuns: go on by themselves; clear tasks that are red"
    hand_over(settings, Event(f"disk {time.time()}", time.time(), text=text), quiet=True)


def start(unkept: Event | None = None, *, quiet: bool = False) -> None:
    """Deliver in a process of its own, whose output goes where this one's goes, or nowhere.

    In the process group of its starter, so that nothing outlives a deployment that is stopped. unkept: what the outbox
    could not take.
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


def deliver(settings: Settings, *, database: bool = True) -> None:
    """Say and send all that waits; where Airflow's database is out of reach, what is composed already.

    Raises OSError when the home cannot be written.
    """
    with alone(settings):
        known = read_known(settings)
        say(settings, known, database=database)
        send(settings, known)


def say(settings: Settings, known: Known, *, database: bool) -> None:
    """Compose what there is to say: of the runs that ended, of the data's age, and of files that were set aside.

    What cannot be composed (Airflow's database is down) is logged and waits.
    """
    for path, event in pending(settings):
        if not (database or event.text):
            continue
        try:
            text = _news(settings, event, known)
        except Exception:
            log.exception("what to say of %s is not known yet; tried again as the next run ends", event.key)
            continue
        if text:
            _queue(settings, text, event.at, known)
        keep_known(settings, known)
        path.unlink(missing_ok=True)
    if database:
        now = datetime.now(UTC)
        for text in look(settings, known, now.replace(tzinfo=None)):
            _queue(settings, text, now.timestamp(), known)
        keep_known(settings, known)


def _news(settings: Settings, event: Event, known: Known) -> str | None:
    """Compose what there is to say of an event, once; None where it was told, or is like any other."""
    if event.key in known.told or (event.good and event.dag_id not in {*known.red, *known.late}):
        return None
    if event.text:
        text: str | None = event.text
        known.late |= {event.dag_id: event.run_id} if event.run_id else {}
    else:
        from include.alerts.compose import compose  # noqa: PLC0415 - seconds of Airflow's imports

        text = compose(settings, event, known)
    known.told[event.key] = event.at
    return text


def _queue(settings: Settings, text: str, at: float, known: Known) -> None:
    """Say an alert in Airflow's own log, and have it sent."""
    log.warning("ALERT %s", text.partition(" ")[2])
    known.waiting.append({"text": text, "at": at, "wanting": list(settings.alert_connections)})


def send(settings: Settings, known: Known) -> None:
    """Send what waits by every connection that does not have it yet."""
    for alert in list(known.waiting):
        alert["wanting"] = [conn_id for conn_id in alert["wanting"] if not _sent(settings, conn_id, alert["text"])]
        if not alert["wanting"] or time.time() - alert["at"] >= PATIENCE_SECONDS:
            known.waiting.remove(alert)
        keep_known(settings, known)


def _sent(settings: Settings, conn_id: str, text: str) -> bool:
    """Send the alert by this connection; why it did not go out is logged."""
    from include.alerts.channels import send_by  # noqa: PLC0415 - seconds of Airflow's imports

    problem = send_by(conn_id, text, required=settings.alert_connections_named)
    if problem is not None:
        log.error("ALERT NOT SENT: %s. %s", text.partition("\n")[0].partition(" ")[2], problem)
    return problem is None


def deliver_unkept(settings: Settings, event: Event) -> None:
    """Say and send at once what the home cannot keep, as where its disk is full: once each way, and never again."""
    text = _news(settings, event, read_known(settings))
    if text:
        log.warning("ALERT %s", text.partition(" ")[2])
        for conn_id in settings.alert_connections:
            _sent(settings, conn_id, text)


def main(unkept: list[str]) -> int:
    """Deliver; the exit code. unkept: events, as JSON, that the outbox could not take."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s - %(message)s")
    try:
        for text in unkept:
            deliver_unkept(Settings.from_env(), Event(**json.loads(text)))
        deliver(Settings.from_env())
    except Exception:
        log.exception("alerts were not delivered; what waits is tried again as the next run ends")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
