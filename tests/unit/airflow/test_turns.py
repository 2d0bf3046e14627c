"""Taking turns: one run at work at a time, nobody waits for ever, and who is over holds nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowSensorTimeout, AirflowSkipException
from airflow.utils.types import DagRunType

from include.sensing import NewsSensor
from include.settings import Settings
from include.turns import Run, TurnSensor, TurnTakenError, ask, forget_turns, give_back, keep_turn, someone_waits

BATCH, BACKFILL, UPKEEP = (Run(f"attribution_{what}", "r1") for what in ("microbatch", "backfill", "upkeep"))


def among(*runs: Run) -> Callable[[Run], bool]:
    """Airflow, in which these runs are running."""
    return runs.__contains__


def test_who_waits_goes_first_in_the_order_of_coming(settings: Settings) -> None:
    everyone = among(BATCH, BACKFILL, UPKEEP)
    ask(settings, BATCH, everyone)
    assert ask(settings, UPKEEP, everyone, queue=True) == BATCH
    assert ask(settings, BACKFILL, everyone, queue=True) == BATCH
    waiting = among(BACKFILL, UPKEEP)
    assert ask(settings, BATCH._replace(run_id="r2"), waiting) == UPKEEP, "a run that does not queue must not overtake"
    assert ask(settings, BACKFILL, waiting, queue=True) == UPKEEP
    assert ask(settings, UPKEEP, waiting, queue=True) is None
    assert ask(settings, BACKFILL, waiting, queue=True) == UPKEEP
    assert ask(settings, BACKFILL, among(BACKFILL), queue=True) is None


def test_a_turn_given_back_is_free_and_a_strangers_is_not_touched(settings: Settings) -> None:
    everyone = among(UPKEEP, BACKFILL)
    ask(settings, UPKEEP, everyone)
    give_back(settings, BACKFILL)
    assert ask(settings, BACKFILL, everyone, queue=True) == UPKEEP
    give_back(settings, UPKEEP)
    assert ask(settings, UPKEEP, everyone, queue=True) == BACKFILL, "who waited goes first"
    assert ask(settings, BACKFILL, everyone, queue=True) is None


@pytest.mark.parametrize("seed", range(10))
def test_in_any_order_one_is_at_work_and_everyone_who_queues_gets_there(settings: Settings, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    arriving = [(Run(f"d{n}", "r"), chance.random() < 0.6) for n in range(8)]
    running: set[Run] = set()
    asking: dict[Run, bool] = {}
    at_work: set[Run] = set()
    worked: set[Run] = set()
    for step in range(400):
        what = chance.choice(["arrive", "ask", "ask", "end", *(["give up"] if step < 40 else [])])
        if what == "arrive" and arriving:
            run, queues = arriving.pop()
            running.add(run)
            asking[run] = queues
        elif what == "ask" and asking:
            run = chance.choice(sorted(asking, key=str))
            if ask(settings, run, running.__contains__, queue=asking[run]) is None:
                at_work.add(run)
                worked.add(run)
                del asking[run]
            elif not asking[run]:
                running.discard(run)
                del asking[run]
        elif what == "end" and at_work:
            running.discard(at_work.pop())
        elif what == "give up" and asking:
            run = chance.choice(sorted(asking, key=str))
            running.discard(run)
            del asking[run]
        assert len(at_work) <= 1
    assert not arriving
    assert not asking
    assert worked


@dataclass
class Instance:
    """A task instance as far as taking turns asks it."""

    dag_id: str
    run_id: str
    running: frozenset[Run]
    queued: int = 0
    failed_at: datetime | None = None

    def get_dr_count(self, dag_id: str, states: list[str], run_ids: list[str] | None = None) -> int:
        """As Airflow's."""
        if states == ["queued"]:
            return self.queued
        assert states == ["running"]
        return len([run for run in self.running if run.dag_id == dag_id and run.run_id in (run_ids or [])])

    def get_previous_dagrun(self) -> SimpleNamespace:
        """As Airflow's: the run before, which failed if there is a time for that."""
        return SimpleNamespace(state="failed" if self.failed_at else "success", end_date=self.failed_at)


def context(
    run: Run, *running: Run, scheduled: bool = False, queued: int = 0, failed_at: datetime | None = None
) -> Context:
    """The context of a task of this run."""
    instance = Instance(run.dag_id, run.run_id, frozenset(running), queued, failed_at)
    dag_run = SimpleNamespace(run_type=DagRunType.SCHEDULED if scheduled else DagRunType.MANUAL)
    return cast(Context, {"ti": instance, "dag_run": dag_run, "params": {}})


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings, as tasks find them."""
    monkeypatch.setenv("ATTRIBUTION_HOME", str(settings.home))
    return settings


def test_a_run_keeps_its_turn_also_after_it_ended_until_another_was_at_work(home: Settings) -> None:
    TurnSensor(queues=False).poke(context(BATCH, BATCH))
    keep_turn(context(BATCH))
    assert ask(home, BACKFILL, among(BATCH, BACKFILL), queue=True) == BATCH
    keep_turn(context(BATCH))
    ask(home, BACKFILL, among(BACKFILL))
    with pytest.raises(TurnTakenError, match=r"attribution_backfill \(r1\) has had the turn since\. Clear take_turn"):
        keep_turn(context(BATCH, BATCH))
    keep_turn(context(BACKFILL, BACKFILL))


def test_a_run_that_a_stopped_deployment_left_open_is_in_nobodys_way(home: Settings) -> None:
    ask(home, UPKEEP, among(UPKEEP))
    forget_turns(home)
    assert ask(home, BATCH, among(UPKEEP, BATCH)) is None
    with pytest.raises(TurnTakenError):
        keep_turn(context(UPKEEP, UPKEEP))


def test_a_microbatch_is_skipped_for_another_run_or_waits_a_while_without_a_place_in_the_line(home: Settings) -> None:
    ask(home, UPKEEP, among(UPKEEP))
    sensor = TurnSensor(queues=False)
    with pytest.raises(AirflowSkipException, match=r"attribution_upkeep \(r1\) is at work"):
        sensor.poke(context(BATCH, BATCH, UPKEEP))
    assert not sensor.poke(context(BATCH, BATCH, UPKEEP, scheduled=True)).is_done, "a continuous one"
    assert sensor.poke_interval == 30
    assert someone_waits(home, among(BATCH, UPKEEP)) is None
    for scheduled in (True, False):
        assert sensor.poke(context(BATCH, BATCH, scheduled=scheduled)).is_done


def test_a_continuous_run_starts_five_minutes_after_one_that_failed(home: Settings) -> None:
    sensor = TurnSensor(queues=False)
    ago = datetime.now(UTC) - timedelta(minutes=2)
    assert not sensor.poke(context(BATCH, BATCH, scheduled=True, failed_at=ago)).is_done
    assert 170 < sensor.poke_interval <= 180
    assert someone_waits(home, among(BATCH)) is None
    with pytest.raises(AirflowSkipException, match="another run of this DAG waits"):
        sensor.poke(context(BATCH, BATCH, scheduled=True, failed_at=ago, queued=1))
    assert sensor.poke(context(BATCH, BATCH, failed_at=ago)).is_done, "a run by hand starts at once"
    assert sensor.poke(context(BATCH, BATCH, scheduled=True, failed_at=ago - timedelta(minutes=3))).is_done


def test_a_continuous_run_gives_way_to_one_that_was_triggered(home: Settings) -> None:
    ask(home, BATCH, among(BATCH))
    sensor = NewsSensor(task_id="await_streamed_rows")
    assert not sensor.poke(context(BATCH, BATCH, scheduled=True)).is_done
    assert not sensor.poke(context(BATCH, BATCH, queued=1)).is_done
    with pytest.raises(AirflowSkipException, match="another run of this DAG waits"):
        sensor.poke(context(BATCH, BATCH, scheduled=True, queued=1))


def test_a_backfill_waits_keeps_its_place_and_says_what_to_do_where_it_takes_too_long(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(self: object, context: object) -> None:
        raise AirflowSensorTimeout

    ask(home, BATCH, among(BATCH))
    sensor = TurnSensor(queues=True)
    assert not sensor.poke(context(BACKFILL, BATCH, BACKFILL)).is_done
    assert someone_waits(home, among(BACKFILL)) == BACKFILL
    assert someone_waits(home, among(BATCH)) is None, "who gave up"
    assert sensor.poke(context(BACKFILL, BACKFILL)).is_done
    monkeypatch.setattr("airflow.sdk.BaseSensorOperator.execute", late)
    with pytest.raises(TurnTakenError, match=r"waited 3:00:00 .*mark a run that is stuck as failed"):
        sensor.execute(context(BACKFILL))
