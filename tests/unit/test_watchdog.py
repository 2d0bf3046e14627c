"""What ends Airflow's components: with their children, however they take it, and whoever started them."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from include import watchdog

#: A component with a task, which has a group of its own, as in Airflow: both say that they are there; a stubborn one
#: does not heed SIGTERM.
COMPONENT = """
import os, signal, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
task = os.fork()
if task:
    os.setpgid(task, task)
    print(os.getpid(), task, flush=True)
time.sleep(600)
"""
STARTER = f"""
import subprocess, sys, time
from include.watchdog import watchdog
with watchdog() as watched:
    component = subprocess.Popen([sys.executable, "-c", {COMPONENT!r}], start_new_session=True)
    print(component.pid, file=watched)
    time.sleep(600)
"""


def component(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", *arguments], stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def there(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The component and its task, once both run."""
    assert process.stdout is not None
    return [psutil.Process(int(number)) for number in process.stdout.readline().split()]


def left(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run after a while; a zombie nobody collects does not."""
    _, alive = psutil.wait_procs(processes, timeout=60)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("manner", ["polite", "stubborn"])
def test_a_component_ends_with_its_task(manner: str) -> None:
    with component(COMPONENT, manner) as started:
        found = there(started)
        watchdog.stop([started.pid], seconds=1)
        assert left(found) == []


def test_the_task_of_a_killed_component_ends() -> None:
    with component(COMPONENT) as started:
        found = there(started)
        started.kill()
        started.wait()
        watchdog.stop([started.pid])
        assert left(found) == []


def test_what_a_killed_starter_started_ends() -> None:
    with component(STARTER) as starter:
        found = there(starter)
        starter.kill()
        assert left(found) == []
