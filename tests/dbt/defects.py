"""One defect a case, planted by SQL in a sound warehouse, with every check of the gate or the audit that finds it."""

from __future__ import annotations

from dataclasses import dataclass

#: A session that earned nothing, a touchpoint that is not the conversion's own session, a conversion with both.
IDLE = "(select min(session_id) from int_sessions where session_id not in (select session_id from int_touchpoints))"
LONG = "(select min(conversion_id) from int_touchpoints where not is_conversion_session)"
EARNING = "(select min(session_id) from mart_sessions where revenue > 0)"
PAID = "(select min(conversion_id) from int_conversions where revenue > 0)"
OF_LONG, OF_PAID = f"conversion_id = {LONG}", f"conversion_id = {PAID}"
OF_ITEM = (
    "conversion_id = (select min(conversion_id) from mart_item_attribution where item_line = 1 and item_revenue > 0)"
    " and item_line = 1 and model = 'last_click'"
)
SEEN = "(select min(event_key) from int_events where event_name not in ('purchase', 'refund'))"
#: Rejected rows, all rows.
BATCH = (
    "insert into stg_streamed_events by name"
    " select e.* replace ('bad' as shard, if(i <= {}, 'not_json', null) as reject_reason)"
    " from (from stg_streamed_events where reject_reason is null limit 1) as e cross join range(1, {} + 1) as r(i)"
)
FIRST_DAY = "conversion_date = (select min(conversion_date) from mart_channel_daily)"

KEPT = "assert_every_event_kept"
GROUPED = "assert_every_event_in_a_session"
ORDERED = "assert_every_order_converted"
OWN = "assert_every_conversion_in_a_session"
REJECTED = "assert_rejected_share"
CONVERSIONS = "assert_conversions_reconcile"
CREDIT = "assert_credit_is_a_touchpoint"
DAILY = "assert_daily_reconciles"
CAMPAIGNS = "assert_campaigns_reconcile"
SESSIONS = "assert_sessions_reconcile"
SUMS = "assert_credits_sum_to_one"
WEIGHED = "assert_every_touchpoint_weighed"
AGREE = "assert_models_agree"
ITEMS = "assert_items_reconcile"
SHARED = "assert_every_item_shared"
JOURNEYS = "assert_journeys_reconcile"
FRESH = "assert_fresh"
VOLUME = "assert_volume"
MISSING = "assert_no_day_missing"
CLOCKS = "assert_clocks"
MANY_DEVICES = "assert_no_user_on_many_devices"
SHARED_ORDERS = "assert_orders_of_one_person"
UNMATCHED = "assert_refunds_matched"
#: Those that warn and let the run pass, by dbt_project.yml.
WARNING = {FRESH, VOLUME, MISSING, CLOCKS, MANY_DEVICES, SHARED_ORDERS, UNMATCHED}


@dataclass(frozen=True)
class Case:
    """A defect by the statement that plants it, and the names of all checks that find it."""

    name: str
    plant: str
    found: frozenset[str]


def case(name: str, plant: str, *found: str) -> Case:
    """A case found by exactly these checks."""
    return Case(name, plant, frozenset(found))


GATE_CASES = (
    case("event lost", f"delete from int_events where event_key = {SEEN}", KEPT, GROUPED),
    case("event withdrawn, still counted", f"delete from stg_ga_events where event_key = {SEEN}", KEPT),
    case(
        "event counted twice",
        f"insert into int_events select * from int_events where event_key = {SEEN}",
        "unique_int_events_event_key",
        GROUPED,
    ),
    case(
        "event without a person",
        f"update int_events set person_id = null where event_key = {SEEN}",
        "not_null_int_events_person_id",
        GROUPED,
    ),
    case(
        "a clock years behind",
        f"update int_events set event_at = 1199145600000000, is_timely = false where event_key = {SEEN}",
        CLOCKS,
    ),
    case("user id that many visitors share", "update int_events set user_id = 'guest'", MANY_DEVICES),
    case("order of several people", "update int_conversions set transaction_id = 'T1'", SHARED_ORDERS),
    case("refund without its order", "update int_refunds set is_matched = false", UNMATCHED),
    case("session lost", f"delete from int_sessions where session_id = {IDLE}", GROUPED),
    case(
        "session of a touchpoint lost",
        "delete from int_sessions where session_id = (select min(session_id) from int_touchpoints)",
        "relationships_int_touchpoints_session_id",
        GROUPED,
    ),
    case(
        "stale session of a person",
        f"insert into int_sessions select * replace ('old' as session_id) from int_sessions where session_id = {IDLE}",
        GROUPED,
    ),
    case(
        "stale session of a person who is no more",
        "insert into int_sessions select * replace ('o' as session_id, 'gone' as person_id) from int_sessions limit 1",
        GROUPED,
    ),
    case(
        "session twice",
        f"insert into int_sessions select * from int_sessions where session_id = {IDLE}",
        "unique_int_sessions_session_id",
        GROUPED,
    ),
    case(
        "session that ends before it starts",
        f"update int_sessions set ended_at = started_at - 1 where session_id = {IDLE}",
        "holds_int_sessions_started_at_ended_at",
    ),
    case(
        "unknown channel",
        f"update int_sessions set channel = 'Paid' where session_id = {IDLE}",
        "relationships_int_sessions_channel",
    ),
    case(
        "conversion lost",
        f"delete from int_conversions where conversion_id = {PAID}",
        "relationships_int_touchpoints_conversion_id",
        ORDERED,
        OWN,
    ),
    case(
        "order that became no conversion",
        f"update int_events set event_name = 'purchase', transaction_id = null where event_key = {SEEN}",
        ORDERED,
    ),
    case("conversion without touchpoints", f"delete from int_touchpoints where conversion_id = {PAID}", OWN),
    case(
        "conversion without its own session",
        f"update int_touchpoints set is_conversion_session = false where conversion_id = {PAID}",
        OWN,
    ),
    case(
        "conversion with two own sessions",
        f"update int_touchpoints set is_conversion_session = true where conversion_id = {LONG}",
        OWN,
    ),
    case(
        "touchpoint twice",
        "insert into int_touchpoints select * from int_touchpoints"
        f" where conversion_id = {LONG} and not is_conversion_session",
        "unique_int_touchpoints_conversion_id__position",
        "unique_int_touchpoints_conversion_id__session_id",
    ),
    case(
        "two touchpoints in one place",
        f"update int_touchpoints set position = 1 where conversion_id = {LONG} and position = 2",
        "unique_int_touchpoints_conversion_id__position",
    ),
    case(
        "refund below nothing",
        f"update int_conversions set net_revenue = -0.01 where conversion_id = {PAID}",
        "holds_int_conversions_revenue_0_and_net_revenue_between_0_and_revenue",
    ),
    case(
        "revenue that is not known",
        f"update int_conversions set revenue = null where conversion_id = {PAID}",
        "holds_int_conversions_revenue_0_and_net_revenue_between_0_and_revenue",
    ),
    case(
        "unknown revenue issue",
        f"update int_conversions set revenue_issue = 'odd' where conversion_id = {PAID}",
        "accepted_values_int_conversions_revenue_issue",
    ),
    case(
        "day between two others not sent",
        "delete from stg_ga_events where shard = ("
        "select shard from stg_ga_events where shard not like '%intraday%' group by 1 order by 1 limit 1 offset 1)",
        KEPT,
        MISSING,
    ),
    case(
        "most of a day not sent",
        "delete from stg_ga_events where event_name not in ('purchase', 'refund')"
        " and shard = (select max(shard) from stg_ga_events where shard not like '%intraday%')",
        KEPT,
        VOLUME,
    ),
    case("mostly rejected batch", BATCH.format(11, 20), REJECTED),
    case("half rejected batch", BATCH.format(10, 20)),
    case("small rejected batch", BATCH.format(19, 19)),
)

AUDIT_CASES = (
    case("conversion lost", f"delete from mart_attribution_first where conversion_id = {PAID}", CONVERSIONS, AGREE),
    case(
        "conversion twice",
        f"insert into mart_attribution_last select * from mart_attribution_last where conversion_id = {PAID}",
        "unique_mart_attribution_last_conversion_id",
    ),
    case(
        "stale conversion",
        "insert into mart_attribution_last select * replace ('o' as conversion_id) from mart_attribution_last limit 1",
        CONVERSIONS,
        CREDIT,
        AGREE,
    ),
    case(
        "revenue off by a cent",
        f"update mart_attribution_last set revenue = revenue + 0.01 where conversion_id = {PAID}",
        CONVERSIONS,
        AGREE,
    ),
    case(
        "net revenue off by a cent",
        f"update mart_attribution_first set net_revenue = net_revenue - 0.01 where conversion_id = {PAID}",
        CONVERSIONS,
        AGREE,
    ),
    case(
        "credit to a session that is no touchpoint",
        f"update mart_attribution_first set session_id = {IDLE} where conversion_id = {PAID}",
        CREDIT,
        AGREE,
    ),
    case(
        "credit to the wrong touchpoint",
        "update mart_attribution_first as m set session_id = t.session_id, touched_at = make_timestamp(t.touched_at)"
        f" from int_touchpoints as t where t.conversion_id = {LONG} and t.position = 2 and m.conversion_id = {LONG}",
        CREDIT,
        AGREE,
    ),
    case(
        "touchpoints miscounted",
        f"update mart_attribution_last set touchpoints = touchpoints + 1 where conversion_id = {PAID}",
        CREDIT,
        AGREE,
    ),
    case(
        "credit without a session",
        f"update mart_attribution_last set session_id = null where conversion_id = {PAID}",
        "not_null_mart_attribution_last_session_id",
        CREDIT,
        AGREE,
    ),
    case(
        "source of an earlier run",
        f"update mart_attribution_last set source = 'old' where conversion_id = {PAID}",
        CREDIT,
        AGREE,
    ),
    case(
        "no touchpoints counted",
        "update mart_attribution_first set touchpoints = 0",
        "holds_mart_attribution_first_touchpoints_1",
        CREDIT,
        AGREE,
    ),
    case(
        "no touchpoints counted for last click",
        "update mart_attribution_last set touchpoints = 0",
        "holds_mart_attribution_last_touchpoints_1",
        CREDIT,
        AGREE,
    ),
    case(
        "day off by a cent",
        f"update mart_channel_daily set revenue = revenue + 0.01 where {FIRST_DAY} and model = 'last_click'",
        DAILY,
        CAMPAIGNS,
    ),
    case(
        "credit in another channel",
        "update mart_channel_daily set channel = 'Mail'"
        " where rowid = (select min(rowid) from mart_channel_daily where model = 'last_click')",
        DAILY,
        CAMPAIGNS,
    ),
    case("day lost", f"delete from mart_channel_daily where {FIRST_DAY}", DAILY, CAMPAIGNS),
    case(
        "day's total left behind",
        "insert into mart_channel_daily select * replace (date '2020-01-01' as conversion_date)"
        " from mart_channel_daily limit 1",
        DAILY,
        CAMPAIGNS,
    ),
    case(
        "channel of a day twice",
        "insert into mart_channel_daily select * from mart_channel_daily limit 1",
        "unique_mart_channel_daily_conversion_date__model__channel",
        DAILY,
        CAMPAIGNS,
    ),
    case(
        "unknown model",
        "insert into mart_channel_daily select * replace ('odd' as model) from mart_channel_daily limit 1",
        "accepted_values_mart_channel_daily_model",
        DAILY,
        CAMPAIGNS,
    ),
    case(
        "spend of a day lost",
        "update mart_channel_daily set spend = null where spend > 0 and model = 'linear'",
        DAILY,
        CAMPAIGNS,
    ),
    case("campaigns of a day lost", f"delete from mart_campaign_daily where {FIRST_DAY}", CAMPAIGNS),
    case(
        "campaign of a day twice",
        "insert into mart_campaign_daily select * from mart_campaign_daily limit 1",
        "unique_mart_campaign_daily_conversion_date__model__source__medium__campaign",
        CAMPAIGNS,
    ),
    case(
        "unknown model of a campaign",
        "insert into mart_campaign_daily select * replace ('odd' as model) from mart_campaign_daily limit 1",
        "accepted_values_mart_campaign_daily_model",
        CAMPAIGNS,
    ),
    case(
        "credit that sums to less than 1",
        f"update mart_attribution set credit = credit - 0.000000001 where {OF_LONG} and position = 1"
        " and model = 'linear'",
        SUMS,
        DAILY,
    ),
    case(
        "a cent of a touchpoint lost",
        f"update mart_attribution set revenue = revenue - 0.01 where {OF_PAID} and model = 'time_decay'"
        " and position = touchpoints",
        SUMS,
        DAILY,
    ),
    case(
        "a net cent of a touchpoint too much",
        f"update mart_attribution set net_revenue = net_revenue + 0.01 where {OF_PAID} and model = 'linear'"
        " and position = 1",
        SUMS,
        DAILY,
    ),
    case(
        "credit below nothing",
        "update mart_attribution set credit = if(position = 1, -1, 2)"
        f" where {OF_LONG} and model = 'linear' and position <= 2",
        SUMS,
        DAILY,
        "holds_mart_attribution_credit_between_0_and_1",
    ),
    case(
        "model that passed a conversion over",
        f"delete from mart_attribution where {OF_PAID} and model = 'linear'",
        SUMS,
        WEIGHED,
        DAILY,
    ),
    case(
        "touchpoint that a model left out",
        f"delete from mart_attribution where {OF_LONG} and model = 'last_touch' and position = 1",
        WEIGHED,
    ),
    case(
        "touchpoint of an earlier run",
        f"update mart_attribution set campaign = 'old' where {OF_LONG} and model = 'linear'",
        WEIGHED,
    ),
    case(
        "credit by another fit than that of its date",
        f"update mart_attribution set fit_id = 'old' where {OF_PAID} and model = 'markov'",
        WEIGHED,
    ),
    case("credit by a fit that is gone", "delete from model_fits where model = 'shapley'", SUMS, WEIGHED, DAILY),
    case(
        "fit that lost a channel",
        "delete from model_fits where model = 'markov'"
        " and channel = (select min(channel) from model_fits where weight > 0)",
        "assert_fits_whole",
    ),
    case("item lost", f"delete from mart_item_attribution where {OF_ITEM}", ITEMS, SHARED),
    case("item that was never sold", f"update mart_item_attribution set item_line = 99 where {OF_ITEM}", SHARED),
    case("item of another name", f"update mart_item_attribution set item_name = 'old' where {OF_ITEM}", SHARED),
    case(
        "item twice",
        f"insert into mart_item_attribution from mart_item_attribution where {OF_ITEM}",
        "unique_mart_item_attribution_conversion_id__model__session_id__item_line",
        ITEMS,
        SHARED,
    ),
    case(
        "a cent of an item lost",
        f"update mart_item_attribution set item_revenue = item_revenue - 0.01 where {OF_ITEM}",
        ITEMS,
        SHARED,
    ),
    case(
        "a piece of an item too much",
        f"update mart_item_attribution set quantity = quantity + 1 where {OF_ITEM}",
        SHARED,
    ),
    case(
        "a rest that is none",
        "insert into mart_item_attribution select * replace (0 as item_line) from mart_item_attribution"
        f" where {OF_ITEM}",
        ITEMS,
    ),
    case(
        "item of a conversion that is no more",
        "insert into mart_item_attribution select * replace ('gone' as conversion_id) from mart_item_attribution"
        f" where {OF_ITEM}",
        ITEMS,
        SHARED,
    ),
    case(
        "item that nobody earned",
        f"update mart_item_attribution set credit = 2 where {OF_ITEM}",
        "holds_mart_item_attribution_credit_between_0_and_1",
    ),
    case("journey lost", f"delete from mart_journeys where {OF_PAID}", JOURNEYS),
    case(
        "session in no journey",
        "delete from mart_journeys where journey_id = (select min(journey_id) from mart_journeys where touchpoints > 1"
        " and conversion_id is null)",
        JOURNEYS,
    ),
    case(
        "journey twice",
        f"insert into mart_journeys from mart_journeys where {OF_PAID}",
        "unique_mart_journeys_journey_id",
        JOURNEYS,
    ),
    case(
        "journey of a person who is no more",
        "insert into mart_journeys select * replace ('o' as journey_id, 'gone' as person_id) from mart_journeys"
        " where conversion_id is null limit 1",
        JOURNEYS,
    ),
    case("journey with other money", f"update mart_journeys set net_revenue = revenue + 1 where {OF_PAID}", JOURNEYS),
    case(
        "conversion before its first touch",
        f"update mart_journeys set seconds_to_convert = -1 where {OF_PAID}",
        "holds_mart_journeys_touchpoints_1_and_coalesce_seconds_to_convert_0_0",
    ),
    case("session lost", f"delete from mart_sessions where session_id = {IDLE}", SESSIONS),
    case(
        "stale session",
        "insert into mart_sessions select * replace ('old' as session_id, 0 as conversions, 0 as revenue)"
        " from mart_sessions limit 1",
        SESSIONS,
    ),
    case(
        "session twice",
        f"insert into mart_sessions select * from mart_sessions where session_id = {IDLE}",
        "unique_mart_sessions_session_id",
    ),
    case(
        "session of an earlier run", f"update mart_sessions set events = events + 1 where session_id = {IDLE}", SESSIONS
    ),
    case(
        "revenue of a session off",
        f"update mart_sessions set revenue = revenue - 0.01 where session_id = {EARNING}",
        SESSIONS,
    ),
    case(
        "revenue of another session",
        f"update mart_sessions set revenue = if(session_id = {IDLE}, (select max(revenue) from mart_sessions), 0),"
        f" conversions = if(session_id = {IDLE}, 1, 0)"
        " where session_id = (select max_by(session_id, revenue) from mart_sessions)"
        f" or session_id = {IDLE}",
        SESSIONS,
    ),
    case(
        "session with another source",
        f"update mart_sessions set source = 'old' where session_id = {IDLE}",
        SESSIONS,
    ),
    case(
        "conversion of a session lost",
        f"update mart_sessions set conversions = 0 where session_id = {EARNING}",
        SESSIONS,
    ),
)

#: Statements that break every check of a kind at once, with the `table` and `column` the check is for.
SWEEPS = {
    "not_null": "update {table} set {column} = null",
    "accepted_values": "update {table} set {column} = 'odd'",
    "unique": "insert into {table} from {table}",
}
#: The same for int_quarantine, a view: a rejected file of which nothing is known.
NAMELESS = "insert into int_journal (entry, seq) values ('rejected', 1)"
