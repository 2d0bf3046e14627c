"""GA4's own session source beside ours, and why they differ (S6)."""

from collections.abc import Iterable, Iterator

from tests.oracle.channels import ChannelRules
from tests.oracle.evidence import SourceRules, is_direct
from tests.oracle.model import NOT_SET, Comparison, MartSession
from tests.oracle.text import host_in


def comparisons_of(
    sessions: Iterable[MartSession], channels: ChannelRules, sources: SourceRules
) -> Iterator[Comparison]:
    """A row a session of a person of which GA4 names a source."""
    seen: set[tuple[str, str]] = set()
    for session in sorted(sessions, key=lambda one: one.started_at):
        if session.ga4_source is not None or session.ga4_medium is not None:
            theirs = tuple(part or NOT_SET for part in (session.ga4_source, session.ga4_medium, session.ga4_campaign))
            was_seen = (theirs[0].lower(), theirs[1].lower()) in seen
            yield Comparison._make(
                (
                    *(session.session_id, session.person_id, session.started_at),
                    *(session.source, session.medium, session.campaign),
                    *(session.channel_group, session.channel, session.source_rule),
                    *theirs,
                    *channels.channels(*theirs),
                    _difference(session, theirs, was_seen, sources),
                    *(session.conversions, session.revenue),
                )
            )
        seen.add((session.source.lower(), session.medium.lower()))


def _difference(session: MartSession, theirs: tuple[str, ...], was_seen: bool, sources: SourceRules) -> str:
    """The first reason that holds."""
    ours = [text.lower() for text in (session.source, session.medium, session.campaign)]
    source, medium, campaign = (text.lower() for text in theirs)
    direct = session.source_rule == "direct"
    host = host_in(source)
    reasons = {
        "same": ours == [source, medium, campaign] or (is_direct(*ours[:2]) and is_direct(source, medium)),
        "campaign": ours[:2] == [source, medium],
        "referral_exclusion": medium == "referral" and host is not None and sources.never_refers(host),
        "self_referral": medium == "referral" and (session.self_referral or "").lower() == source,
        "click_id": session.source_rule.startswith("click_id"),
        "carried_over": direct and was_seen,
        "identity": session.has_several_devices,
        "direct_in_ours": direct,
        "direct_in_ga4": is_direct(source, medium),
    }
    return next((reason for reason, holds in reasons.items() if holds), "other")
