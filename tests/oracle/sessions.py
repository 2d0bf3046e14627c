"""One person's sessions (X1, X2) and each session's source (S5)."""

from collections.abc import Sequence

from tests.oracle.channels import ChannelRules
from tests.oracle.events import digest
from tests.oracle.evidence import is_complete, is_direct
from tests.oracle.model import MICROSECONDS_A_MINUTE, NOT_SET, Campaign, Event, Session

_DIRECT = ("(direct)", "(none)", NOT_SET, "direct")


def split(events: Sequence[Event], timeout_minutes: int) -> list[list[Event]]:
    """A person's events (in order E2) cut wherever the gap is longer than the time-out (X1)."""
    visits: list[list[Event]] = []
    for event in events:
        if visits and event.event_at - visits[-1][-1].event_at <= timeout_minutes * MICROSECONDS_A_MINUTE:
            visits[-1].append(event)
        else:
            visits.append([event])
    return visits


def _source(visit: Sequence[Event]) -> tuple[str, str, str, str]:
    """Source, medium, campaign and rule of the first evidence that is not direct, or a complete one beside it (S5)."""
    found = []
    for event in visit:
        source, medium, campaign, rule = event.source, event.medium, event.campaign, event.source_rule
        if source is None or medium is None or campaign is None or rule is None or is_direct(source, medium):
            continue
        found.append((event.event_at, (source, medium, campaign, rule)))
    beside = [evidence for at, evidence in found if at == found[0][0]]
    return next((one for one in beside if is_complete(one[0], one[1])), beside[0] if beside else _DIRECT)


def session_of(visit: Sequence[Event], channels: ChannelRules) -> Session:
    """The row of one visit. Device and GA4's own source are those of the first event that names them."""
    first = visit[0]
    source, medium, campaign, rule = _source(visit)
    channel_group, channel = channels.channels(source, medium, campaign)
    referrals = [event.self_referral for event in visit if event.self_referral is not None]
    devices = {event.user_pseudo_id for event in visit if event.user_pseudo_id is not None}
    ga4 = next((event.ga4_session for event in visit if event.ga4_session is not None), Campaign(None, None, None))
    return Session(
        session_id=digest(first.person_id, first.event_key),
        person_id=first.person_id,
        started_at=first.event_at,
        ended_at=visit[-1].event_at,
        events=len(visit),
        source=source,
        medium=medium,
        campaign=campaign,
        source_rule=rule,
        channel_group=channel_group,
        channel=channel,
        is_direct=rule == "direct",
        device_category=next((event.device_category for event in visit if event.device_category is not None), None),
        ga4_source=ga4.source,
        ga4_medium=ga4.medium,
        ga4_campaign=ga4.name,
        channel_rule=channels.rule(source, medium, campaign),
        self_referral=min(referrals, default=None),
        has_several_devices=len(devices) > 1,
    )
