{#- The accepted events of this run's devices and days, as CTEs that end in `events`: of the copies of one event the one
    that counts (E1), whichever device it came with. -#}
{% macro distinct_event_ctes() -%}
{%- set columns = event_columns() | reject('in', ['page_location', 'page_referrer']) | list -%}
mine as (
    select * from {{ accepted_copies(in_this_run('device_key', 'event_date')) }} as c
),

-- copies on other devices compete too
rivals as (
    -- a rebuild reads them twice: DuckDB would write out what it uses twice
    select event_key
    from {{ accepted_copies('event_key in (select event_key from mine)' if is_incremental() else 'true') }} as c
),

repeated as (
    select event_key from rivals group by event_key having count(*) > 1
),

ranked as (
    select
        r.*,
        row_number() over (
            partition by r.event_key
            order by
                r.received_at, r.shard,
                {%- for c in event_columns() if c not in ['event_key', 'received_at', 'device_key'] %}
                r.{{ c }} nulls first,
                {%- endfor %}
                r.device_key
        ) as copy_number
    from {{ accepted_copies('event_key in (select event_key from repeated)') }} as r
),

events as (
    select shard, {{ columns | join(', ') }}
    from mine as m
    where not exists (select 1 from repeated as d where d.event_key = m.event_key)
    union all
    select shard, {{ columns | join(', ') }}
    from ranked
    where copy_number = 1 and {{ in_this_run('device_key', 'event_date') }}
)
{%- endmacro %}
