"""Journeys with and without a conversion (T6), and the marts that add them up."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import product

from tests.oracle.model import MICROSECONDS_A_DAY, Conversion, Journey, Overlap, Path, Row, Rules, Session

_ZERO = Decimal("0.00")


def _doubled(names: Iterable[str], sign: str) -> list[str]:
    """The names with the sign that joins them doubled, so that they can be told apart again."""
    return [name.replace(sign, sign + sign) for name in names]


def _journey(sessions: Sequence[Session], conversion: Conversion | None) -> Journey:
    channels = [session.channel for session in sessions]
    first, last = sessions[0], sessions[-1]
    return Journey(
        journey_id=conversion.conversion_id if conversion else first.session_id,
        conversion_id=conversion.conversion_id if conversion else None,
        person_id=first.person_id,
        path=" > ".join(_doubled(channels, ">")),
        channels=" + ".join(sorted(_doubled(set(channels), "+"))),
        touchpoints=len(sessions),
        started_at=first.started_at,
        last_touched_at=last.started_at,
        converted_at=conversion.converted_at if conversion else None,
        seconds_to_convert=(conversion.converted_at - first.started_at) // 1_000_000 if conversion else None,
        revenue=conversion.revenue if conversion else None,
        net_revenue=conversion.net_revenue if conversion else None,
    )


def journeys_of(
    touched: Mapping[Conversion, Sequence[Session]], kept_sessions: Sequence[Session], rules: Rules
) -> list[Journey]:
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


def paths_of(journeys: Iterable[Journey]) -> list[Path]:
    """A row a path, with what became of the journeys that took it."""
    taken: dict[tuple[str, str, int], list[Journey]] = defaultdict(list)
    for journey in journeys:
        taken[journey.path, journey.channels, journey.touchpoints].append(journey)
    rows = []
    for key, theirs in taken.items():
        seconds = [one.seconds_to_convert for one in theirs if one.seconds_to_convert is not None]
        rows.append(
            Path(
                *key,
                conversions=len(seconds),
                journeys_without_conversion=len(theirs) - len(seconds),
                revenue=sum((one.revenue or _ZERO for one in theirs), _ZERO),
                net_revenue=sum((one.net_revenue or _ZERO for one in theirs), _ZERO),
                seconds_to_convert=sum(seconds) // len(seconds) if seconds else None,
            )
        )
    return rows


def overlaps_of(touchpoints: Iterable[Row], last_clicks: Iterable[Row]) -> list[Overlap]:
    """A row a pair of channels that touched the same conversions."""
    touched: dict[str, set[str]] = defaultdict(set)
    for touch in touchpoints:
        touched[touch["conversion_id"]].add(touch["channel"])
    pairs: dict[tuple[str, str], Overlap] = {}
    for last in last_clicks:
        channels = touched[last["conversion_id"]]
        for channel, other in product(channels, channels):
            row = pairs.get((channel, other)) or Overlap(channel, other, 0, 0, _ZERO, _ZERO)
            pairs[channel, other] = row._replace(
                conversions=row.conversions + 1,
                closed_by_other=row.closed_by_other + (last["channel"] == other),
                revenue=row.revenue + last["revenue"],
                net_revenue=row.net_revenue + last["net_revenue"],
            )
    return list(pairs.values())
