"""GA4's own session source beside ours, and why they differ (S6)."""

from collections.abc import Iterable, Iterator

from tests.oracle.channels import ChannelRules
from tests.oracle.evidence import SourceRules, is_direct
from tests.oracle.model import NOT_SET, Row
from tests.oracle.text import host_in

_THEIRS = ("ga4_source", "ga4_medium", "ga4_campaign")


def comparisons_of(sessions: Iterable[Row], channels: ChannelRules, sources: SourceRules) -> Iterator[Row]:
    """A row a session of a person of which GA4 names a source."""
    seen: set[tuple[str, str]] = set()
    for session in sorted(sessions, key=lambda one: int(one["started_at"])):
        if session["ga4_source"] is not None or session["ga4_medium"] is not None:
            theirs = tuple(session[name] or NOT_SET for name in _THEIRS)
            was_seen = (theirs[0].lower(), theirs[1].lower()) in seen
            group, channel = channels.channels(*theirs)
            difference = _difference(session, theirs, was_seen, sources)
            theirs_too = {"ga4_channel_group": group, "ga4_channel": channel, "difference": difference}
            yield session | dict(zip(_THEIRS, theirs, strict=True)) | theirs_too
        seen.add((session["source"].lower(), session["medium"].lower()))


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
