{#- int_device_days: a row a device and day on which it has events, with the users of its first and its last login of
    that day. From it follows on which other days a login changes whom events belong to (I1), without a look at the
    events of those days. Kept in step by int_events' script, which reads it as the batch before left it. -#}
{% macro device_days() %}
    {{- return(api.Relation.create(database=target.database, schema=target.schema, identifier='int_device_days')) -}}
{% endmacro %}

{#- Its rows of this run's devices, as they were before. -#}
{% macro known_device_days() %}{{ return(beside('__device_days')) }}{% endmacro %}

{% macro rows_of_device_days(events) -%}
    select d.device_key, d.event_date, l.first_user, l.last_user
    from (select distinct e.device_key, e.event_date from {{ events }} as e) as d
    left join (
        select distinct
            device_key,
            event_date,
            {%- for name, descending in {'first_user': false, 'last_user': true}.items() %}
            first_value(user_id) over (
                partition by device_key, event_date order by {{ event_order(descending=descending) }}
            ) as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ events }}
        where user_id is not null and user_pseudo_id is not null
    ) as l on l.device_key = d.device_key and l.event_date = d.event_date
{%- endmacro %}

{#- Before a rebuild: one that ends on the way leaves an empty table, and not one that says what was. -#}
{% macro empty_device_days() %}
    {%- set text = dbt.type_string() %}
    create or replace table {{ device_days() }} (
        device_key {{ text }}, event_date date, first_user {{ text }}, last_user {{ text }}
    ){{ ' partition by event_date cluster by device_key' if target.type == 'bigquery' }};
{% endmacro %}

{#- After int_events' rows. -#}
{% macro keep_device_days(rows) %}
    {%- if is_incremental() %}
    delete from {{ device_days() }}
    where {{ pruned(this) }} and {{ in_this_run('device_key', 'event_date') }};
    {%- endif %}
    insert into {{ device_days() }} (device_key, event_date, first_user, last_user)
    {{ rows_of_device_days(rows) }};
{% endmacro %}

{#- Adds the days of this run's devices on which an event without a login belongs to somebody else now: who was there
    before the day, or where nobody was, who came first from then on. -#}
{% macro moved_days() %}
    {%- set new_days = beside('__new_days') %}
    {{ create_beside(new_days) }} (
    with {{ distinct_event_ctes() }}
    {{ rows_of_device_days('events') }}
    );
    {{ create_beside(known_device_days()) }} (
    select * from {{ device_days() }} as d where {{ touched_only('d.device_key') }}
    );
    insert into {{ this_run() }} (touched_key, from_at, until_at)
    with known as (
        select
            d.device_key, d.event_date, d.first_user, d.last_user,
            {{ in_this_run('d.device_key', 'd.event_date') }} as is_replaced
        from {{ known_device_days() }} as d
    ),
    lives as (
        select
            coalesce(k.device_key, n.device_key) as device_key,
            coalesce(k.event_date, n.event_date) as event_date,
            coalesce(k.is_replaced, true) as is_replaced,
            k.first_user as old_first,
            k.last_user as old_last,
            case when k.is_replaced is false then k.first_user else n.first_user end as new_first,
            case when k.is_replaced is false then k.last_user else n.last_user end as new_last
        from known as k
        full outer join {{ new_days }} as n on n.device_key = k.device_key and n.event_date = k.event_date
    ),
    carried as (
        select
            device_key, event_date, is_replaced,
            {%- for life in ['old', 'new'] %}
            coalesce(
                last_value({{ life }}_last ignore nulls) over (
                    partition by device_key order by event_date rows between unbounded preceding and 1 preceding
                ),
                first_value({{ life }}_first ignore nulls) over (
                    partition by device_key order by event_date rows between current row and unbounded following
                )
            ) as {{ life }}_user{{ ',' if not loop.last }}
            {%- endfor %}
        from lives
    )
    select c.device_key, {{ start_of_day('c.event_date') }}, {{ end_of_day('c.event_date') }}
    from carried as c
    where not c.is_replaced and c.old_user is distinct from c.new_user;
{% endmacro %}
