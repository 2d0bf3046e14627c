-- What first and last click cost at the very least: sessions, a source for each, and who earned each order, from the
-- export files in the variable `files` to three tables. Left out is all that the project does besides: identity,
-- duplicates, click ids, tags in URLs, quarantine, channels, refunds, other currencies, the journal of incremental loads.

-- One row a person, moment and order; nothing below needs more.
create temp table moments as
with sourced as (
    select
        user_pseudo_id as person_id,
        event_timestamp as event_at,
        case when event_name = 'purchase'
            then coalesce(nullif(ecommerce.transaction_id, '(not set)'), 'at ' || event_timestamp) end as order_id,
        ecommerce.purchase_revenue_in_usd as revenue,
        event_params,
        list_filter(event_params, lambda p: p.key = 'source')[1].value.string_value as source
    from read_parquet(getvariable('files'), union_by_name = true)
    where user_pseudo_id is not null
),

-- a parameter costs a walk through all of them, so each is looked up only where it decides
located as (
    select
        *,
        case when source is not null
            then list_filter(event_params, lambda p: p.key = 'medium')[1].value.string_value end as medium,
        case when source is null
            then split_part(list_filter(event_params, lambda p: p.key = 'page_referrer')[1].value.string_value, '/', 3)
        end as referrer,
        split_part(list_filter(event_params, lambda p: p.key = 'page_location')[1].value.string_value, '/', 3) as own_host
    from sourced
)

select
    person_id, event_at, order_id,
    count(*) as events,
    max(revenue) as revenue,
    min(case
        when source is null and referrer <> own_host then struct_pack(source := referrer, medium := 'referral')
        when source <> '(direct)' and not (coalesce(medium, '') = 'referral' and source = own_host)
            then struct_pack(source := source, medium := medium)
    end) as origin
from located
group by person_id, event_at, order_id;

create table sessions as
with marked as (
    select
        *,
        coalesce(event_at - lag(event_at) over (partition by person_id order by event_at, order_id) > 1_800_000_000, true)
            as is_start
    from moments
),

numbered as (
    select
        *,
        sum(is_start::int) over (
            partition by person_id order by event_at, order_id rows between unbounded preceding and current row
        ) as number
    from marked
)

select
    person_id,
    min(event_at) as started_at,
    max(event_at) as ended_at,
    sum(events) as events,
    arg_min(origin, event_at) filter (origin is not null) as origin
from numbered
group by person_id, number;

create temp table touchpoints as
with orders as (
    select person_id, order_id, min(event_at) as converted_at, arg_min(revenue, event_at) as revenue
    from moments
    where order_id is not null
    group by person_id, order_id
)

select o.*, s.started_at, s.origin
from orders as o
inner join sessions as s
    on s.person_id = o.person_id
    and s.started_at <= o.converted_at
    and (s.started_at >= o.converted_at - 14 * 86_400_000_000 or s.ended_at >= o.converted_at);

create table first_click as
select
    person_id, order_id, converted_at, revenue,
    min(started_at) as touched_at,
    arg_min_null(origin, started_at) as origin
from touchpoints
group by person_id, order_id, converted_at, revenue;

create table last_click as
select
    person_id, order_id, converted_at, revenue,
    coalesce(max(started_at) filter (origin is not null), max(started_at)) as touched_at,
    arg_max(origin, started_at) filter (origin is not null) as origin
from touchpoints
group by person_id, order_id, converted_at, revenue;
