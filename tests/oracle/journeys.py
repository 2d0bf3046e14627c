"""Journeys with and without a conversion (T6), the marts that add them up, and GA4's source beside ours (S6)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import product
from typing import Any

from tests.oracle.channels import ChannelRules
from tests.oracle.evidence import SourceRules, is_direct
from tests.oracle.model import MICROSECONDS_A_DAY, NOT_SET, Conversion, Row, Rules, Session
from tests.oracle.text import host_in

_ZERO = Decimal("0.00")
_OF_CONVERSION = ("conversion_id", "converted_at", "revenue", "net_revenue")
_OF_PATH = ("path", "channels", "touchpoints")


def _doubled(names: Iterable[str], sign: str) -> list[str]:
    """The names with the sign that joins them doubled, so that they can be told apart again."""
    return [name.replace(sign, sign + sign) for name in names]


def _journey(sessions: Sequence[Session], conversion: Conversion | None) -> Row:
    channels = [session.channel for session in sessions]
    first, last = sessions[0], sessions[-1]
    row: Row = {name: getattr(conversion, name, None) for name in _OF_CONVERSION}
    return row | {
        "journey_id": conversion.conversion_id if conversion else first.session_id,
        "person_id": first.person_id,
        "path": " > ".join(_doubled(channels, ">")),
        "channels": " + ".join(sorted(_doubled(set(channels), "+"))),
        "touchpoints": len(sessions),
        "started_at": first.started_at,
        "last_touched_at": last.started_at,
        "seconds_to_convert": (conversion.converted_at - first.started_at) // 1_000_000 if conversion else None,
    }


def journeys_of(
    touched: Mapping[Conversion, Sequence[Session]], kept_sessions: Sequence[Session], rules: Rules
) -> list[Row]:
    """Every journey of one person.

    Args:
        touched: the person's conversions with their touchpoints, earliest first.
        kept_sessions: the person's sessions that readers see, earliest first.
        rules: the settings.
    """
    counted = {session.session_id for sessions in touched.values() for session in sessions}
    idle = [session for session in kept_sessions if session.session_id not in counted]
    parts: list[list[Session]] = []
    for session in idle:
        if parts and session.started_at - parts[-1][-1].started_at <= rules.lookback_days * MICROSECONDS_A_DAY:
            parts[-1].append(session)
        else:
            parts.append([session])
    with_conversion = [_journey(sessions, conversion) for conversion, sessions in touched.items()]
    return [*with_conversion, *(_journey(part, None) for part in parts)]


def paths_of(journeys: Iterable[Row]) -> list[Row]:
    """A row a path, with what became of the journeys that took it; `seconds_to_convert` is the whole mean."""
    taken: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for journey in journeys:
        taken[tuple(journey[name] for name in _OF_PATH)].append(journey)
    rows = []
    for path, theirs in taken.items():
        converted = [one for one in theirs if one["conversion_id"] is not None]
        seconds = sum(one["seconds_to_convert"] for one in converted)
        rows.append(
            dict(zip(_OF_PATH, path, strict=True))
            | {
                "conversions": len(converted),
                "journeys_without_conversion": len(theirs) - len(converted),
                "revenue": sum((one["revenue"] for one in converted), _ZERO),
                "net_revenue": sum((one["net_revenue"] for one in converted), _ZERO),
                "seconds_to_convert": seconds // len(converted) if converted else None,
            }
        )
    return rows


def overlaps_of(touchpoints: Iterable[Row], last_clicks: Iterable[Row]) -> list[Row]:
    """A row a pair of channels that touched the same conversions, and how many of them the other closed."""
    touched: dict[str, set[str]] = defaultdict(set)
    for touch in touchpoints:
        touched[touch["conversion_id"]].add(touch["channel"])
    pairs: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for last in last_clicks:
        channels = touched[last["conversion_id"]]
        for pair in product(channels, channels):
            pairs[pair].append(last)
    return [
        {
            "channel": channel,
            "other_channel": other,
            "conversions": len(closed),
            "closed_by_other": sum(last["channel"] == other for last in closed),
            "revenue": sum((last["revenue"] for last in closed), _ZERO),
            "net_revenue": sum((last["net_revenue"] for last in closed), _ZERO),
        }
        for (channel, other), closed in pairs.items()
    ]


#: S6, in microseconds.
_REMEMBERED = 90 * 86_400 * 1_000_000
_THEIRS = ("ga4_source", "ga4_medium", "ga4_campaign")


def comparisons_of(sessions: Iterable[Row], channels: ChannelRules, sources: SourceRules) -> Iterator[Row]:
    """A row a session of a person of which GA4 names a source."""
    seen: dict[tuple[str, str], int] = {}
    for session in sorted(sessions, key=lambda one: int(one["started_at"])):
        if session["ga4_source"] is not None or session["ga4_medium"] is not None:
            theirs = tuple(session[name] or NOT_SET for name in _THEIRS)
            last = seen.get((theirs[0].lower(), theirs[1].lower()))
            was_seen = last is not None and int(session["started_at"]) - last <= _REMEMBERED
            group, channel = channels.channels(*theirs)
            difference = _difference(session, theirs, was_seen, sources)
            theirs_too = {"ga4_channel_group": group, "ga4_channel": channel, "difference": difference}
            yield session | dict(zip(_THEIRS, theirs, strict=True)) | theirs_too
        seen[session["source"].lower(), session["medium"].lower()] = int(session["started_at"])


def _difference(session: Row, theirs: tuple[str, ...], was_seen: bool, sources: SourceRules) -> str:
    """The first reason that holds."""
    ours = [session[name].lower() for name in ("source", "medium", "campaign")]
    source, medium, campaign = (text.lower() for text in theirs)
    direct = session["source_rule"] == "direct"
    host = host_in(source)
    reasons = {
        "same": ours == [source, medium, campaign] or (is_direct(*ours[:2]) and is_direct(source, medium)),
        "campaign": ours[:2] == [source, medium],
        "referral_exclusion": medium == "referral" and host is not None and sources.never_refers(host),
        "self_referral": medium == "referral" and (session["self_referral"] or "").lower() == source,
        "click_id": session["source_rule"].startswith("click_id"),
        "carried_over": direct and was_seen,
        "identity": session["has_several_devices"],
        "direct_in_ours": direct,
        "direct_in_ga4": is_direct(source, medium),
    }
    return next((reason for reason, holds in reasons.items() if holds), "other")
