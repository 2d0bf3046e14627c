"""Taking turns: of the runs of our DAGs only one at a time is past its first task, so that no two chains interleave.

The pool of one slot keeps two tasks from writing at once; it does not keep one run's marts from being built between
another run's models and its gate. So a run holds the turn, a small file in the home, from its first task to its end.
Who ended, died or was stopped holds nothing any more: a run counts only while Airflow says that it is running. Every
task that writes looks again (`keep_turn`), because a task that is cleared in an old run starts without its first task.

No deadlock: the holder waits for nobody, the others queue in the order in which they came, and a micro-batch does not
queue at all.
"""

from __future__ import annotations

import fcntl
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from airflow.sdk import BaseSensorOperator, PokeReturnValue
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowSensorTimeout, AirflowSkipException
from airflow.sdk.types import DagRunProtocol
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunType

from include.settings import CONTINUOUS, Settings

log = logging.getLogger(__name__)

PATIENCE = timedelta(hours=3)
#: Between a run that failed and the next continuous one.
PAUSE = timedelta(minutes=5)
#: Between two looks of a continuous run whether another still has the turn.
LOOK_SECONDS = 30.0


class TurnTakenError(RuntimeError):
    """Another run is at work; the message names it and says what to do."""


class Run(NamedTuple):
    """A run of one of our DAGs."""

    dag_id: str
    run_id: str

    def __str__(self) -> str:
        """As a log names it."""
        return f"{self.dag_id} ({self.run_id})"


def turn_file(settings: Settings) -> Path:
    """Where the runs stand in line, as JSON: the first is at work or about to be, the others wait for it."""
    return settings.home / "turns"


@contextmanager
def _line(settings: Settings) -> Iterator[list[Run]]:
    """The runs in line, to be changed by one process at a time."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with turn_file(settings).open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        line = [Run(*run) for run in json.loads(file.read() or "[]")]
        before = list(line)
        yield line
        if line != before:
            file.truncate(0)
            file.write(json.dumps(line))


def ask(settings: Settings, run: Run, running: Callable[[Run], bool], *, queue: bool = False) -> Run | None:
    """Take the turn for this run if nobody is ahead of it; returns who is, else None. Safe to repeat.

    running: whether Airflow says that a run is running. queue: keep a place in the line where it has to wait.

    Raises OSError where the file of the turns cannot be written.
    """
    with _line(settings) as line:
        line[:] = [other for other in line if other == run or running(other)]
        if run not in line and (queue or not line):
            line.append(run)
        return None if line[0] == run else line[0]


def forget_turns(settings: Settings) -> None:
    """Nobody is at work and nobody waits: for whoever holds the whole home."""
    turn_file(settings).unlink(missing_ok=True)


def give_back(settings: Settings, run: Run) -> None:
    """Let others have the turn before this run ends; where it is not this run's, nothing changes."""
    with _line(settings) as line:
        line[:] = line[1:] if line[:1] == [run] else line


def someone_waits(settings: Settings, running: Callable[[Run], bool]) -> Run | None:
    """The first run that waits for its turn, if any."""
    with _line(settings) as line:
        return next((run for run in line[1:] if running(run)), None)


def asked_of(context: Context) -> tuple[Run, Callable[[Run], bool]]:
    """The run of a task, and how it learns from Airflow whether another is running."""
    instance = context["ti"]

    def running(run: Run) -> bool:
        return instance.get_dr_count(dag_id=run.dag_id, run_ids=[run.run_id], states=["running"]) > 0

    return Run(instance.dag_id, instance.run_id), running


def keep_turn(context: Context) -> None:
    """Before a task that writes: see that this run has the turn still.

    A task that is cleared in an old run starts without that run's first task; where another run was at work since, what
    this one had built and checked is not what stands there now.

    Raises TurnTakenError where it has not.
    """
    run, _ = asked_of(context)
    with _line(Settings.from_env()) as line:
        holder = line[0] if line else None
    if holder != run:
        raise TurnTakenError(
            f"{holder or 'another run'} has had the turn since. Clear take_turn of this run with all that follows, or "
            "leave its work to the next run."
        )


def end_turn(context: Context, result: object = None) -> None:
    """After a task, as its post_execute: what follows in this run writes nothing, so others may go on."""
    give_back(Settings.from_env(), asked_of(context)[0])


def is_scheduled(dag_run: DagRunProtocol | None) -> bool:
    """Whether the schedule started the run, and not a person or a program."""
    return dag_run is not None and dag_run.run_type.value == DagRunType.SCHEDULED.value


def is_continuous(context: Context) -> bool:
    """Whether the run is one of those that follow each other without a pause (MICROBATCH_SCHEDULE=continuous)."""
    return Settings.from_env().schedule == CONTINUOUS and is_scheduled(context.get("dag_run"))


def run_queued(context: Context) -> bool:
    """Whether a run of this DAG waits for this one to end, as one that somebody triggered does."""
    instance = context["ti"]
    return instance.get_dr_count(dag_id=instance.dag_id, states=["queued"]) > 0


def pause_left(context: Context) -> float:
    """Seconds until a continuous run may start after one that failed: its cause is likely to be there still."""
    before = context["ti"].get_previous_dagrun()
    if before is None or before.state != DagRunState.FAILED.value or before.end_date is None:
        return 0.0
    return max(0.0, (before.end_date + PAUSE - datetime.now(UTC)).total_seconds())


class TurnSensor(BaseSensorOperator):
    """The first task of a run: takes the turn. `queues`: wait for it, else skip the run while it is another's.

    A continuous run is skipped only after a while, for the next one would follow at once.
    """

    def __init__(self, task_id: str = "take_turn", *, queues: bool, **kwargs: object) -> None:
        """Take a sensor's own arguments; a waiting run frees its worker between two looks."""
        timing: dict[str, object] = {"mode": "reschedule", "poke_interval": 5, "timeout": PATIENCE}
        super().__init__(task_id=task_id, **{**timing, **kwargs})  # type: ignore[arg-type]
        self.queues = queues

    def execute(self, context: Context) -> object:
        """Wait, and say what to do where it took too long."""
        if is_continuous(context):
            self.timeout, self.soft_fail = Settings.from_env().wait_seconds, True
        try:
            return super().execute(context)
        except AirflowSensorTimeout as late:
            raise TurnTakenError(
                f"waited {PATIENCE} for the other runs of this home to end; the log names them. Let them end (unpause "
                "their DAG), or mark a run that is stuck as failed, then trigger this one again."
            ) from late

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once.

        Raises AirflowSkipException where the run does not queue and another is at work.
        """
        run, running = asked_of(context)
        continuous = is_continuous(context)
        if continuous and (left := pause_left(context)):
            if run_queued(context):
                raise AirflowSkipException("another run of this DAG waits")
            log.info("the run before failed; waiting %.0f s before the next try", left)
            self.poke_interval = left
            return PokeReturnValue(False)
        ahead = ask(Settings.from_env(), run, running, queue=self.queues)
        if ahead is None:
            return PokeReturnValue(True)
        if continuous:
            self.poke_interval = LOOK_SECONDS
        elif not self.queues:
            raise AirflowSkipException(f"{ahead} is at work or about to be; the next run takes up what landed")
        log.info("waiting until %s has ended (a run whose DAG is paused stands still: unpause it)", ahead)
        return PokeReturnValue(False)
