{#- After int_events. No device that the batch left alone has an earlier event than the last first one, so these
    are asked: the batch's devices and that of the last first event. All others only where it is gone. -#}
{% macro find_first_event() %}
    {%- set earliest = 'order by e.event_at, e.device_key limit 1' -%}
    {%- set known -%}
        select f.touched_key, f.version, f.seq from {{ looked_up(journal(), "entry = 'first_event'") }} as f
        where f.model = '{{ this.identifier }}' order by f.seq desc limit 1
    {%- endset -%}
    {%- set asked -%}
        device_key in ({{ few_keys(
            'select touched_key as key from ' ~ pin() ~ ' union all select touched_key as key from (' ~ known ~ ') as k'
        ) }})
    {%- endset %}
    insert into {{ journal() }} (entry, model, touched_key, version, seq)
    with known as ({{ known }}),
    near as (
        select e.event_at, e.device_key from {{ looked_up(this, asked if is_incremental() else 'false') }} as e
        where e.event_at <= (select cast(version as {{ dbt.type_bigint() }}) from known)
        {{ earliest }}
    ),
    far as (
        select e.event_at, e.device_key from {{ this }} as e where not exists (select 1 from near) {{ earliest }}
    )
    select
        'first_event', '{{ this.identifier }}', n.device_key, cast(n.event_at as {{ dbt.type_string() }}),
        coalesce((select seq from known), 0) + 1
    from (select * from near union all select * from far) as n
    where not exists (
        select 1 from known as k
        where k.touched_key = n.device_key and k.version = cast(n.event_at as {{ dbt.type_string() }})
    )
{% endmacro %}
