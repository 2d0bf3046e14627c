{#- After int_events. No device that the batch left alone has an earlier event than the last first one, so these
    are asked: the batch's devices and that of the last first event. All others only where it is gone. -#}
{% macro find_first_event() %}{{ return(adapter.dispatch('find_first_event', 'attribution')()) }}{% endmacro %}

{% macro duckdb__find_first_event() %}
    {{- journal_first('select * from near union all select * from far', far='not exists (select 1 from near)') -}}
{% endmacro %}
{#- BigQuery would read all of int_events to find that nothing is asked of it. -#}
{% macro bigquery__find_first_event() %}
    if exists (with known as ({{ known_first_event() }}), {{ near_first_event() }} select 1 from near) then
        {{ journal_first('select * from near') }};
    else
        {{ journal_first('select * from far', far='bucket >= 0') }};
    end if
{% endmacro %}

{% macro known_first_event() -%}
    select f.touched_key, f.version, f.seq from {{ looked_up(journal(), "entry = 'first_event'") }} as f
    where f.model = '{{ this.identifier }}' order by f.seq desc limit 1
{%- endmacro %}

{% macro near_first_event() -%}
    {%- set asked = pinned_keys() ~ ' union all select touched_key as key from (' ~ known_first_event() ~ ') as k' -%}
    {%- set these = 'device_key in (' ~ few_keys(asked) ~ ')' if is_incremental() else 'false' -%}
    near as (
        select e.event_at, e.device_key from {{ looked_up(this, these) }} as e
        where e.event_at <= (select cast(version as {{ dbt.type_bigint() }}) from known)
        order by e.event_at, e.device_key limit 1
    )
{%- endmacro %}

{#- Journals what the query says, unless it is known; `far` says when all events are asked, where they are. -#}
{% macro journal_first(query, far=none) -%}
    insert into {{ journal() }} (entry, model, touched_key, version, seq)
    with known as ({{ known_first_event() }}),
    {{ near_first_event() }}
    {%- if far %},
    far as (
        select e.event_at, e.device_key from {{ this }} as e where {{ far }} order by e.event_at, e.device_key limit 1
    )
    {%- endif %}
    select
        'first_event', '{{ this.identifier }}', n.device_key, cast(n.event_at as {{ dbt.type_string() }}),
        coalesce((select seq from known), 0) + 1
    from ({{ query }}) as n
    where not exists (
        select 1 from known as k
        where k.touched_key = n.device_key and k.version = cast(n.event_at as {{ dbt.type_string() }})
    )
{%- endmacro %}
