"""Touchpoints (T1), the one touch that a model credits (T2), and the marts built of them."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from tests.oracle.model import MICROSECONDS_A_DAY, Conversion, Row, Rules, Session

_OF_SESSION = (
    *("session_id", "source", "medium", "campaign", "channel_group", "channel", "source_rule", "channel_rule"),
    "device_category",
)
_OF_CONVERSION = (
    *("conversion_id", "person_id", "transaction_id", "event_name", "converted_at", "conversion_date", "revenue"),
    *("net_revenue", "revenue_issue", "customer_type", "shipping", "tax"),
)


def touched_sessions(conversion: Conversion, sessions: Sequence[Session], rules: Rules) -> list[Session]:
    """The sessions of the person that count for the conversion, earliest first (T1)."""
    opens_at = conversion.converted_at - rules.lookback_days * MICROSECONDS_A_DAY
    return [
        session
        for session in sessions
        if opens_at <= session.started_at <= conversion.converted_at or session.session_id == conversion.session_id
    ]


def touch(conversion: Conversion, session: Session) -> Row:
    """What every mart says of a session that counts for a conversion: the columns of both."""
    row = {name: getattr(conversion, name) for name in _OF_CONVERSION}
    return row | {name: getattr(session, name) for name in _OF_SESSION} | {"touched_at": session.started_at}


def touchpoints_of(conversion: Conversion, touched: Sequence[Session]) -> list[Row]:
    """A row a touchpoint of the conversion, `position` 1 for the earliest."""
    return [touch(conversion, session) | {"position": place} for place, session in enumerate(touched, start=1)]


def last_click(touched: Sequence[Session]) -> Session:
    """The latest touchpoint that is not direct; the latest of all when every one is (T2)."""
    return next((session for session in reversed(touched) if not session.is_direct), touched[-1])


def credit_of(conversion: Conversion, session: Session, touchpoints: int, first_event_at: int, rules: Rules) -> Row:
    """The conversion credited to one session. `first_event_at` is the first event in the warehouse (T4)."""
    opens_at = conversion.converted_at - rules.lookback_days * MICROSECONDS_A_DAY
    return touch(conversion, session) | {"touchpoints": touchpoints, "lookback_complete": opens_at >= first_event_at}


def mart_session(session: Session, conversions: Iterable[Conversion]) -> Row:
    """The session with the conversions whose own event lies in it, and their gross revenue."""
    own = [conversion for conversion in conversions if conversion.session_id == session.session_id]
    revenue = sum((conversion.revenue for conversion in own), Decimal("0.00"))
    return session._asdict() | {"conversions": len(own), "revenue": revenue}
