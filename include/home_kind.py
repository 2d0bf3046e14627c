"""What a home holds: demo data, data of the user's own, or both for a trial; it decides what is simulated.

Nothing is simulated but where it was asked for. The kind is decided by the first command that brings data and kept in
the file `home_kind` of the home, which every later run reads. On BigQuery the setting SIMULATE decides instead.
Beside it the home keeps the settings of the environment that decide numbers, for runs without them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from include.durable import write_text
from include.landing import spend_files
from include.settings import NONE, SettingError, Settings, read_kept
from include.simulator.own_files import others_files, own_batches, own_tables

DEMO, OWN, TRIAL = "demo", "own", "trial"
KINDS = (DEMO, OWN, TRIAL)
DEMO_EVENTS = 20
TWO_WAYS = "Set ATTRIBUTION_HOME to another folder for your own data, or remove the demo data with `make clean-demo`."


class HomeKindError(SettingError):
    """Demo data and data of one's own would mix; the message says what to do."""


@dataclass(frozen=True)
class Asked:
    """What a command asks for.

    own: the option by which it brings data of the user's own, such as GA4=; empty where it brings none.
    events: simulated events to stream; None where the command does not say, 0 for none.
    demo: whether it says that demo data is wanted (DEMO=1, --demo).
    fresh: whether it makes a demo home of a home that holds nothing, as `make run` does.
    """

    own: str = ""
    events: int | None = None
    demo: bool = False
    fresh: bool = False


@dataclass(frozen=True)
class Decision:
    """What the home is from now on, None while it holds nothing, and how many events to simulate."""

    kind: str | None
    events: int


def decide(kind: str | None, asked: Asked) -> Decision:
    """Decide what a command makes of a home of this kind. Pure.

    Raises HomeKindError where demo data and the user's own would mix without DEMO=1.
    """
    if kind == DEMO and asked.own:
        if not (asked.demo and asked.own == "--file"):
            raise HomeKindError(f"{asked.own} names data of your own, and this home holds demo data. {TWO_WAYS}")
        kind = TRIAL
    if kind is None:
        wanted = asked.fresh or asked.demo or asked.events
        kind = OWN if asked.own else DEMO if wanted else None
    if kind == OWN and asked.events:
        if not asked.demo:
            raise HomeKindError(
                "simulated events were asked for, and this home holds your own data. For a trial of both together say "
                "so with DEMO=1 (--demo); the results are then marked as demo data."
            )
        kind = TRIAL
    if kind == OWN and asked.demo and not asked.own:
        raise HomeKindError(
            "DEMO=1 asks for demo data, and this home holds your own. Set ATTRIBUTION_HOME to another folder, or say "
            "with EVENTS=n how many simulated events to stream beside your own data for a trial."
        )
    default = DEMO_EVENTS if kind == DEMO else 0
    return Decision(kind, default if asked.events is None else asked.events)


def decided(settings: Settings, asked: Asked) -> Decision:
    """Decide for this home, or for BigQuery by the setting SIMULATE; nothing is written.

    Raises HomeKindError as decide, and where events are to be simulated on BigQuery without SIMULATE=true.
    """
    if settings.bigquery is None:
        return decide(kind_of(settings) or (DEMO if settings.simulate and not asked.own else None), asked)
    if (asked.events or asked.demo) and not settings.simulate:
        raise HomeKindError("simulated events go into BigQuery only with SIMULATE=true; set it, or stream none.")
    return decide(kind_of(settings), asked)


def kind_of(settings: Settings) -> str | None:
    """What the home holds: as marked, else by what landed (version 0.1 marked nothing); None for an empty home.

    Raises HomeKindError where the mark is damaged.
    """
    if settings.bigquery is not None:
        return DEMO if settings.simulate else OWN
    path = settings.home_kind
    if not path.exists():
        simulated = bool(own_tables(settings) or own_batches(settings) or settings.simulated.is_dir())
        others = others_files(settings)
        if simulated:
            return TRIAL if others else DEMO
        return OWN if settings.ga4_export.is_symlink() or others or spend_files(settings.ad_spend) else None
    kind = path.read_text("utf-8").strip()
    if kind not in KINDS:
        raise HomeKindError(f"{path} says {kind!r}; it must say one of {', '.join(KINDS)}. Correct the file.")
    return kind


def mark(settings: Settings, kind: str | None) -> None:
    """Keep what the home holds; nothing is kept of an empty one, and for BigQuery.

    Raises OSError where the home cannot be written.
    """
    if settings.bigquery is not None or kind is None:
        return
    if not settings.home_kind.exists() or settings.home_kind.read_text("utf-8").strip() != kind:
        write_text(settings.home_kind, f"{kind}\n")


def settle(settings: Settings) -> str | None:
    """Mark a home by what landed in it, before a run reads it; its kind.

    Raises HomeKindError where files of the user's own landed in a demo home.
    """
    kind = kind_of(settings)
    if settings.bigquery is None and kind == DEMO and (others := others_files(settings)):
        raise HomeKindError(
            f"{others[0]} is not of the simulator, and this home holds demo data. Move it away. {TWO_WAYS}"
        )
    mark(settings, kind)
    return kind


def badge(settings: Settings) -> str:
    """What readers of its figures must know: `demo data`, or nothing on data of one's own."""
    return {DEMO: "demo data", TRIAL: "demo data among your own"}.get(kind_of(settings) or OWN, "")


def keep(settings: Settings) -> list[str]:
    """Keep the settings of this run; a line for each that is no longer what was kept, with both values.

    A folder of the home is kept by its path in it, for homes that move.

    Raises OSError when the home cannot be written.
    """
    export, kept = settings.ga4_export, read_kept(settings.home)
    inside = export.is_relative_to(settings.home)
    now = {
        "OWN_DOMAINS": ",".join(settings.own_domains) or NONE,
        "GA4_EXPORT": str(export.relative_to(settings.home) if inside else export),
    }
    if kept != now:
        write_text(settings.kept_settings, json.dumps(now, indent=2, sort_keys=True) + "\n")
    return [
        f"{name} was {kept[name]}, is {value}: what follows from it is built anew"
        for name, value in now.items()
        if kept.get(name, value) != value
    ]
