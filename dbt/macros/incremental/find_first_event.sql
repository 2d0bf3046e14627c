{#- After int_events. Timely events come first (T4). No device that the batch left alone has an event before the last
    first one, so these are asked: the batch's devices and that of the last first event. All others only where it is
    gone. -#}
{% macro find_first_event() %}{{ return(adapter.dispatch('find_first_event', 'attribution')()) }}{% endmacro %}

{% macro duckdb__find_first_event() %}
    {{- journal_first('select * from near union all select * from far', far='not exists (select 1 from near)') -}}
{% endmacro %}
{#- BigQuery would read all of int_events to find that nothing is asked of it. -#}
{% macro bigquery__find_first_event() %}
    if exists (
        with known as ({{ known_first_event(this.identifier) }}), {{ near_first_event() }} select 1 from near
    ) then
        {{ journal_first('select * from near') }};
    else
        {{ journal_first('select * from far', far='bucket >= 0') }};
    end if
{% endmacro %}

{% macro near_first_event() -%}
    {%- set last_first = 'select k.touched_key as key from (' ~ known_first_event(this.identifier) ~ ') as k' -%}
    {%- set asked = this_run_keys() ~ ' union all ' ~ last_first -%}
    {%- set these = 'device_key in (' ~ few_keys(asked) ~ ')' if is_incremental() else 'false' -%}
    near as (
        select e.event_at, e.device_key, e.is_timely
        from {{ looked_up(this, these) }} as e
        where (e.is_timely and (select detail from known) = 'late')
            or (
                e.is_timely = ((select detail from known) <> 'late')
                and e.event_at <= (select cast(version as {{ dbt.type_bigint() }}) from known)
            )
        order by e.is_timely desc, e.event_at, e.device_key limit 1
    )
{%- endmacro %}

{#- Journals what the query says, unless it is known; `far` says when all events are asked, where they are. -#}
{% macro journal_first(query, far=none) -%}
    insert into {{ journal() }} (entry, model, touched_key, version, detail, seq)
    with known as ({{ known_first_event(this.identifier) }}),
    {{ near_first_event() }}
    {%- if far %},
    far as (
        select e.event_at, e.device_key, e.is_timely from {{ this }} as e where {{ far }}
        order by e.is_timely desc, e.event_at, e.device_key limit 1
    )
    {%- endif %}
    select
        'first_event', '{{ this.identifier }}', n.device_key, cast(n.event_at as {{ dbt.type_string() }}),
        case when n.is_timely then '' else 'late' end, coalesce((select seq from known), 0) + 1
    from ({{ query }}) as n
    where not exists (
        select 1 from known as k
        where k.touched_key = n.device_key and k.version = cast(n.event_at as {{ dbt.type_string() }})
            and k.detail = case when n.is_timely then '' else 'late' end
    )
{%- endmacro %}
