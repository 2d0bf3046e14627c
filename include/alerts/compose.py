"""From what happened to what is said of it, and whether anything is said at all."""

from __future__ import annotations

from include.alerts.facts import Published, attention_lines, last_published, read_failure, state_of
from include.alerts.links import dag_link, dashboard_link
from include.alerts.message import GREEN, RED, Alert, clock
from include.alerts.outbox import Event, Known
from include.settings import Settings


def _seen(published: Published | None) -> str:
    if published is None:
        return "nothing was published yet"
    figures = f"{published.conversions:,} conversions, ${published.revenue}"
    return f"{published.run_id}, published {clock(published.at)}: {figures}"


def _what_to_do(dag_id: str, task: str | None, cause: str) -> str:
    if task in {"quality_gate", "audit"}:
        return dashboard_link("docs/runbooks/red_gate.md")
    if "open in another process" in cause:
        return dashboard_link("docs/runbooks/locked_warehouse.md")
    return f'{dag_link(dag_id)}, its docs under "When it is red"'


def _affected(rows: int | None, batch: str | None) -> str:
    if rows is not None:
        return f"{rows:,} found by the checks"
    return f"those of {batch}" if batch else "not known; the run did not get as far as a check"


def failed(settings: Settings, event: Event, known: Known) -> Alert:
    """A run failed. Remembers since when its DAG is red."""
    found = read_failure(settings, event)
    red = known.red.get(event.dag_id) or {"since": event.at, "count": 0}
    known.red[event.dag_id] = {**red, "count": red["count"] + 1, "task": found.task}
    published = last_published(settings)
    more = f" (and {found.others} more)" if found.others else ""
    lines = [
        ("Run", event.run_id),
        ("First failed task", f"{found.task or 'none'}{more}"),
        ("Cause", found.cause.words),
        ("Rows affected", _affected(found.cause.rows, found.batch)),
        ("Readers see", _seen(published)),
        ("What to do", _what_to_do(event.dag_id, found.task, found.cause.words)),
    ]
    if published and published.run_id == event.run_id:
        lines.append(("Note", "this run had published before it failed"))
    lines += attention_lines(settings)
    if red["count"]:
        lines.append(("Failed in a row", f"{red['count'] + 1}, since {clock(red['since'])}"))
    return Alert(RED, f"{event.dag_id} failed in {found.task or 'the run as a whole'}", tuple(lines), found.link)


def ended(settings: Settings, event: Event, known: Known) -> Alert | None:
    """A run ended well. Worth telling where its DAG was red and it did what had failed, or where it was late itself."""
    was_late = known.late.get(event.dag_id) == event.run_id
    if was_late:
        del known.late[event.dag_id]
    red = known.red.get(event.dag_id)
    if red and "success" in {state_of(event, task) for task in ("publish", red["task"]) if task}:
        del known.red[event.dag_id]
        runs = f"{red['count']} failed run{'' if red['count'] == 1 else 's'}"
        lines = (
            ("Run", event.run_id),
            ("Was red", f"since {clock(red['since'])}, {runs}"),
            ("Readers see", _seen(last_published(settings))),
            *attention_lines(settings),
        )
        return Alert(GREEN, f"{event.dag_id} recovered", lines)
    return Alert(GREEN, f"{event.dag_id}: the late run has ended", (("Run", event.run_id),)) if was_late else None


def compose(settings: Settings, event: Event, known: Known) -> Alert | None:
    """What to say of a run that ended; None where it is like any other."""
    if not event.good:
        return failed(settings, event, known)
    return ended(settings, event, known)
