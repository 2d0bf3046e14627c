{#- Who uses a device (semantics I1), as CTEs: device_users (a row a device with logins) and shared_devices (a row an
    event of a device with several users, with the user it belongs to). Only shared devices need the order of users.
    In an increment the first and the last login of a device's other days (device_days.sql) stand for these days. -#}
{% macro device_user_ctes(events) -%}
{%- set places = ['batch_page_id', 'batch_ordering_id', 'batch_event_index', 'event_bundle_sequence_id'] -%}
sightings as (
    select event_key, user_pseudo_id, user_id, event_at, {{ places | join(', ') }}, event_name
    from {{ events }}
    where user_pseudo_id is not null
    {%- if is_incremental() %}
    union all
    select
        null as event_key, d.device_key,
        case when o.is_first then d.first_user else d.last_user end,
        case when o.is_first then {{ start_of_day('d.event_date') }} else {{ end_of_day('d.event_date') }} end,
        {%- for place in places %} null as {{ place }},{% endfor %} null as event_name
    from {{ known_device_days() }} as d
    cross join (select true as is_first union all select false) as o
    where d.first_user is not null and not {{ in_this_run('d.device_key', 'd.event_date') }}
    {%- endif %}
),
device_users as (
    select user_pseudo_id, count(distinct user_id) as users, min(user_id) as only_user
    from sightings
    where user_id is not null
    group by user_pseudo_id
),
shared_events as (
    select e.*
    from sightings as e
    inner join device_users as d on d.user_pseudo_id = e.user_pseudo_id and d.users > 1
),
neighbours as (
    select
        event_key, user_pseudo_id, event_at,
        last_value(user_id ignore nulls) over (
            partition by user_pseudo_id order by {{ event_order() }} rows between unbounded preceding and current row
        ) as user_before,
        first_value(user_id ignore nulls) over (
            partition by user_pseudo_id order by {{ event_order() }} rows between current row and unbounded following
        ) as user_after,
        row_number() over (partition by user_pseudo_id, event_at order by {{ event_order() }}) as place
    from shared_events
),
shared_devices as (
    -- a login in the same microsecond counts as before, whichever comes first in the order
    select
        n.event_key,
        coalesce(
            last_value(n.user_before) over (
                partition by n.user_pseudo_id, n.event_at order by n.place
                rows between unbounded preceding and unbounded following
            ),
            n.user_after
        ) as user_at
    from neighbours as n
)
{%- endmacro %}
