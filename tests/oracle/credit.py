"""Touchpoints (T1), the one touch that a model credits (T2), and the marts built of them."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from tests.oracle.model import (
    MICROSECONDS_A_DAY,
    Conversion,
    Credit,
    MartSession,
    Rules,
    Session,
    Touchpoint,
)

_ZERO = Decimal("0.00")


def touched_sessions(conversion: Conversion, sessions: Sequence[Session], rules: Rules) -> list[Session]:
    """The sessions of the person that count for the conversion, earliest first (T1)."""
    opens_at = conversion.converted_at - rules.lookback_days * MICROSECONDS_A_DAY
    return [
        session
        for session in sessions
        if opens_at <= session.started_at <= conversion.converted_at or session.session_id == conversion.session_id
    ]


def touchpoints_of(conversion: Conversion, touched: Sequence[Session]) -> list[Touchpoint]:
    """A row a touchpoint of the conversion, `position` 1 for the earliest."""
    return [
        Touchpoint(
            conversion_id=conversion.conversion_id,
            person_id=conversion.person_id,
            session_id=session.session_id,
            position=position,
            touched_at=session.started_at,
            source=session.source,
            medium=session.medium,
            campaign=session.campaign,
            channel_group=session.channel_group,
            channel=session.channel,
            source_rule=session.source_rule,
            device_category=session.device_category,
        )
        for position, session in enumerate(touched, start=1)
    ]


def last_click(touched: Sequence[Session]) -> Session:
    """The latest touchpoint that is not direct; the latest of all when every one is (T2)."""
    return next((session for session in reversed(touched) if not session.is_direct), touched[-1])


def credit_of(conversion: Conversion, session: Session, touchpoints: int, first_event_at: int, rules: Rules) -> Credit:
    """The conversion credited to one session. `first_event_at` is the first event in the warehouse (T4)."""
    return Credit(
        conversion_id=conversion.conversion_id,
        person_id=conversion.person_id,
        transaction_id=conversion.transaction_id,
        converted_at=conversion.converted_at,
        conversion_date=conversion.conversion_date,
        revenue=conversion.revenue,
        net_revenue=conversion.net_revenue,
        revenue_issue=conversion.revenue_issue,
        session_id=session.session_id,
        touched_at=session.started_at,
        source=session.source,
        medium=session.medium,
        campaign=session.campaign,
        channel=session.channel,
        channel_group=session.channel_group,
        source_rule=session.source_rule,
        touchpoints=touchpoints,
        lookback_complete=conversion.converted_at - rules.lookback_days * MICROSECONDS_A_DAY >= first_event_at,
        device_category=session.device_category,
        customer_type=conversion.customer_type,
        event_name=conversion.event_name,
    )


def mart_session(session: Session, conversions: Iterable[Conversion]) -> MartSession:
    """The session with the conversions whose own event lies in it."""
    own = [conversion for conversion in conversions if conversion.session_id == session.session_id]
    return MartSession(
        session_id=session.session_id,
        person_id=session.person_id,
        started_at=session.started_at,
        ended_at=session.ended_at,
        events=session.events,
        source=session.source,
        medium=session.medium,
        campaign=session.campaign,
        channel=session.channel,
        channel_group=session.channel_group,
        source_rule=session.source_rule,
        conversions=len(own),
        revenue=sum((conversion.revenue for conversion in own), _ZERO),
        device_category=session.device_category,
        ga4_source=session.ga4_source,
        ga4_medium=session.ga4_medium,
        ga4_campaign=session.ga4_campaign,
    )
