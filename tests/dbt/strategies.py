"""Hypothesis strategies of stories: small, and dense in what could break an incremental load.

Four devices, two people and two orders meet often; times lie at the edges of the session timeout and of the look-back
from one another; the same events land again in other files, other versions and other words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from hypothesis import strategies as st

from include.settings import PROJECT
from tests.dbt.stories import (
    BAD_ITEMS,
    BAD_LINES,
    BAD_SPEND,
    DAY,
    ITEMS,
    MINUTE,
    SOURCES,
    Asks,
    Event,
    Fits,
    Lands,
    Runs,
    Step,
    Story,
    Vanishes,
    date_of,
    table_of,
)

SOLD = ["purchase", "in_app_purchase", "app_store_subscription_renew"]
#: Settings at their edges, by name, as dbt vars.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "as shipped": {},
    "least": {
        "session_timeout_minutes": 1,
        "lookback_days": 0,
        "max_late_days": 0,
        "conversion_events": [*SOLD, "sign_up"],
        "own_domains": ["partner.example"],
        "attribution_models": ["time_decay", "position_based", "shapley"],
        "item_models": ["position_based", "shapley"],
        "position_weights": {"first": 0.123456, "middle": 0.876544, "last": 0},
    },
    "most": {
        "session_timeout_minutes": 1440,
        "lookback_days": 1,
        "conversion_events": SOLD,
        "max_future_minutes": 0,
        "trust_ga4_session_source": True,
        "referral_exclusions": [],
        "half_life_days": 0.01,
        "item_models": ["last_click", "linear", "markov"],
        "ignored_user_ids": ["NULL "],
        "ignored_order_ids": [],
        "order_scope": "shop",
    },
}
SHIPPED = {"session_timeout_minutes": 30, "lookback_days": 14, "max_future_minutes": 60}

DEVICES = ("phone", "tablet", "laptop", "watch")
PEOPLE = ("ann", "bob")
#: Ids that count as none, those of no setting too.
NO_ORDER = (None, "(not set)", "Undefined", "0.0")
CHANNELS = ("Paid Search", "Email", "Organic Search", "Referral", "Direct", "Other")
T = TypeVar("T")

BATCHES = tuple(f"b{number}.ndjson" for number in range(8))
BILLS = ("april.csv", "march.csv")
MODELS = sorted(path.stem for path in (PROJECT / "dbt" / "models").rglob("*.sql") if path.parent.name != "reports")


_ITEMS = st.sampled_from([*ITEMS, *ITEMS, *BAD_ITEMS])


def _often(usual: T, *others: T, times: int = 3) -> st.SearchStrategy[T]:
    """Mostly the first of these values."""
    return st.sampled_from([usual] * times + list(others))


@st.composite
def _new(draw: st.DrawFn, number: int, at: st.SearchStrategy[int], max_future_minutes: int) -> Event:
    name = draw(st.sampled_from(["page_view"] * 8 + ["purchase"] * 10 + ["refund"] * 3 + ["sign_up", None]))
    has_money = name in ("purchase", "refund")
    future = -max_future_minutes * MINUTE
    return Event(
        at=draw(at),
        name=name,
        device=draw(st.sampled_from([*DEVICES, *DEVICES, None])),
        user=draw(_often(None, *PEOPLE, *PEOPLE, " Null", times=10)),
        source=draw(st.sampled_from(list(SOURCES))),
        order=draw(st.sampled_from(["t1", "t1", "7", "7.0", *NO_ORDER])) if has_money else None,
        value=draw(st.sampled_from([10.0, 3.33, 0.01, -5.0, None])) if has_money else None,
        lag=draw(_often(0, None, 3 * DAY, 3 * DAY + 1, future, future - 1, times=8)),
        number=draw(_often(number, None, times=5)),
        items=draw(_ITEMS) if name in ("purchase", "sign_up") else "nothing",
    )


@st.composite
def _again(draw: st.DrawFn, happened: list[Event]) -> Event:
    """An event that came before: from another device, at another time, with another amount or items, or all of it."""
    event = draw(st.sampled_from(happened))
    device = draw(_often(event.device, *DEVICES, times=1))
    lag = draw(_often(event.lag, 0, DAY, times=1))
    items = draw(_ITEMS) if event.items != "nothing" else event.items
    return replace(event, device=device, lag=lag, value=draw(_often(event.value, 7.0)), items=items)


@st.composite
def events(draw: st.DrawFn, settings: str) -> list[Event]:
    """What happened: the time of an event lies at an edge from another's."""
    numbers = {**SHIPPED, **SETTINGS[settings]}
    timeout, window = numbers["session_timeout_minutes"] * MINUTE, numbers["lookback_days"] * DAY
    steps = [timeout, timeout + 1, timeout - 1, window, window + 1, window, window + 1, 0, 1, DAY, 300 * DAY]
    happened: list[Event] = []
    for number in range(draw(st.integers(6, 12))):
        if happened and draw(st.sampled_from([False, False, False, True, True])):
            happened.append(draw(_again(happened)))
        else:
            before = st.sampled_from([event.at for event in happened] or [400 * DAY])
            edge = st.sampled_from([*steps, *(-step for step in steps)])
            at = st.builds(lambda start, step: max(0, start + step), before, edge)
            happened.append(draw(_new(number, at, numbers["max_future_minutes"])))
    return happened


@st.composite
def _lands(draw: st.DrawFn, happened: list[Event]) -> Lands:
    """A batch of any events, or an export table of those of one day and perhaps one of another; some of them twice."""
    one = draw(st.sampled_from(happened))
    if draw(_often(True, False, times=2)):
        file, others = draw(st.sampled_from(BATCHES)), happened
        bad = draw(st.lists(st.sampled_from(BAD_LINES), max_size=draw(_often(0, 2, times=5))))
    else:
        file = table_of(one, intraday=draw(_often(False, True)))
        others = [e for e in happened if e.at // DAY == one.at // DAY or e is happened[0]]
        bad = []
    more = draw(st.lists(st.sampled_from(others), max_size=draw(_often(1, 3)), unique=True))
    return Lands(file, (*draw(_often((one,), (), (one, one), times=6)), *more, *bad))


def _fits(happened: list[Event]) -> st.SearchStrategy[Step]:
    """A fit that begins on the day of an event, and does not know every channel."""
    weights = st.dictionaries(st.sampled_from(CHANNELS), st.sampled_from([0, 1, 2, 7]), min_size=3)
    known = weights.filter(lambda found: sum(found.values()) > 0)
    return st.builds(Fits, st.sampled_from([event.at // DAY for event in happened]), known)


@st.composite
def _costs(draw: st.DrawFn, happened: list[Event]) -> Lands:
    """A spend file of some days, of campaigns that earn something and of one that does not; some of it twice."""
    days = st.sampled_from([f"{date_of(event)}" for event in happened])
    campaigns = st.sampled_from(["google,cpc,(not set)", "news,email,spring", "News,email,spring", "partner.example,,"])
    costs = st.sampled_from(["3.335,USD,7", "0,,", "10,usd,0"])
    rows = st.lists(st.builds("{},{},{}".format, days, campaigns, costs), max_size=4)
    bad = st.lists(st.sampled_from(BAD_SPEND), max_size=1)
    return Lands(draw(st.sampled_from(BILLS)), (*draw(rows), *draw(bad)))


@st.composite
def _changes(draw: st.DrawFn, happened: list[Event]) -> Step:
    """What happens to the landing folder: most often, something lands."""
    if draw(_often(True, False, times=6)):
        return draw(_lands(happened) if draw(_often(True, False, times=5)) else _costs(happened))
    tables = st.builds(table_of, st.sampled_from(happened), _often(False, True))
    file = draw(st.one_of(st.sampled_from(BATCHES), tables, st.sampled_from(BILLS)))
    person = st.builds(
        Asks, st.just("person"), st.sampled_from([*PEOPLE, *DEVICES]), st.integers(380, 420).map(DAY.__mul__)
    )
    device = st.builds(Asks, st.just("device"), st.sampled_from(DEVICES), st.sampled_from([e.at for e in happened]))
    return draw(st.one_of(st.just(Vanishes(file)), st.just(Lands(file, None)), person, device, _fits(happened)))


def _runs() -> st.SearchStrategy[Step]:
    """What the pipeline does about it: most often, a run."""
    modes = _often("incremental", "refresh")
    killed = st.builds(Runs, modes, st.none(), st.sampled_from(range(160)))
    alone = st.builds(Runs, modes, st.sampled_from(MODELS))
    return _often(st.just(Runs()), killed, killed, killed, alone, st.just(Runs("refresh")), times=6).flatmap(
        lambda run: run
    )


@st.composite
def _as_it_streams(draw: st.DrawFn, happened: list[Event]) -> list[Step]:
    """Each event comes into the intraday table of its date, late ones after those of a later time, twice some.

    A row of the table is changed or lost meanwhile, the daily table lands with some of the rows and the intraday table
    grows on behind it, or something else happens.
    """
    tables: dict[str, tuple[Event, ...]] = {}
    steps: list[Step] = []
    for event in draw(st.permutations(happened))[: len(BATCHES)]:
        file = table_of(event, intraday=True)
        rows = tables.get(file, ())
        what = draw(_often("grows", "changes", "loses", "daily", "other", times=8))
        if what == "changes":
            rows = (*(replace(row, source="newsletter", number=None) for row in rows[:1]), *rows[1:])
        elif what == "loses":
            rows = rows[1:]
        elif what == "daily":
            steps.append(Lands(table_of(event, intraday=False), rows or (event,)))
        elif what == "other":
            steps.append(draw(_changes(happened)))
        tables[file] = (*rows, *draw(_often((event,), (event, event))))
        steps += [Lands(file, tables[file]), draw(_runs())]
    return steps


@st.composite
def stories(draw: st.DrawFn, settings: st.SearchStrategy[str] | None = None) -> Story:
    """A story under one of SETTINGS: now and then something changes, and then the pipeline runs.

    In one of five each event lands by itself, as it happens, and is taken in before the next: the usual micro-batch. In
    another it does so in a table that GA4 streams into.
    """
    name = draw(st.sampled_from(list(SETTINGS)) if settings is None else settings)
    happened = draw(events(name))
    kind = draw(_often("mixed", "as it happens", "as it streams"))
    if kind == "as it happens":
        as_it_happens = zip(BATCHES, sorted(happened, key=lambda event: event.at), strict=False)
        return Story(name, tuple(step for file, event in as_it_happens for step in (Lands(file, (event,)), Runs())))
    if kind == "as it streams":
        return Story(name, tuple(possible(draw(_as_it_streams(happened)))))
    changes = st.lists(_changes(happened), min_size=1, max_size=2)
    parts = draw(st.lists(st.tuples(changes, _runs()), min_size=3, max_size=6))
    steps = possible([step for change, run in parts for step in (*change, run)])
    return Story(name, (*steps, *draw(st.lists(_fits(happened), max_size=1))))


def possible(steps: list[Step]) -> list[Step]:
    """The steps, less those that the pipeline refuses or documents as its one exception.

    A run refuses to go on when the last table of a source vanishes. And a file that can no longer be read keeps the
    rows of its earlier version, where a full refresh has none: such a file lands whole again in the end.
    """
    there: dict[str, Lands] = {}
    whole: dict[str, Lands] = {}
    kept: list[Step] = []
    for step in steps:
        if isinstance(step, Vanishes):
            kind = step.file.rsplit(".", 1)[-1]
            if step.file not in there or sum(file.endswith(kind) for file in there) == 1:
                continue
            del there[step.file]
        elif isinstance(step, Lands):
            there[step.file] = step
            if step.rows is not None:
                whole[step.file] = step
        kept.append(step)
    return kept + [whole[file] for file, step in there.items() if step.rows is None and file in whole]


def _one(at: int, device: str, user: str | None = None, order: str | None = None, name: str = "page_view") -> Event:
    return Event(at, name, device, user, "ad", order, 10.0 if order else None, lag=0, number=at)


#: Ten months of a person, an event a batch: who used a device before, a first login and a refund reach back as far, and
#: a session goes on.
LONG = Story(
    "as shipped",
    tuple(
        step
        for number, event in enumerate(
            [
                _one(0, "phone", "ann"),
                _one(0, "tablet"),
                _one(MINUTE, "phone", "ann", "t1", "purchase"),
                _one(DAY, "phone", "bob"),
                _one(300 * DAY, "phone"),
                _one(300 * DAY + MINUTE, "phone"),
                _one(300 * DAY, "tablet", "ann"),
                _one(301 * DAY, "phone", "ann", "t1", "refund"),
            ]
        )
        for step in (Lands(f"b{number}.ndjson", (replace(event, number=number),)), Runs())
    ),
)
