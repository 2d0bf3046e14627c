{#- Who uses a device (semantics I1), as CTEs: device_users (a row a device with logins) and shared_devices (a row an
    event of a device with several users, with the user it belongs to). Only shared devices need the order of users.
    An increment that does not take all of a device again knows the user before (earlier_users). -#}
{% macro device_user_ctes(events) -%}
{%- if is_incremental() %}
earlier_users as (
    select distinct
        user_pseudo_id,
        last_value(user_id) over (
            partition by user_pseudo_id order by {{ event_order() }}
            rows between unbounded preceding and unbounded following
        ) as user_id
    from {{ looked_up(this, touched_only('device_key')) }} as e
    where user_pseudo_id is not null and user_id is not null and not {{ in_this_run('e', 'device_key', 'event_at') }}
),
{%- endif %}
device_users as (
    select user_pseudo_id, count(distinct user_id) as users, min(user_id) as only_user
    from (
        select user_pseudo_id, user_id from {{ events }}
        {%- if is_incremental() %}
        union all
        select user_pseudo_id, user_id from earlier_users
        {%- endif %}
    ) as l
    where user_pseudo_id is not null and user_id is not null
    group by user_pseudo_id
),
shared_events as (
    select e.*
    from {{ events }} as e
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
            {%- if is_incremental() %}
            b.user_id,
            {%- endif %}
            n.user_after
        ) as user_at
    from neighbours as n
    {%- if is_incremental() %}
    left join earlier_users as b on b.user_pseudo_id = n.user_pseudo_id
    {%- endif %}
)
{%- endmacro %}
