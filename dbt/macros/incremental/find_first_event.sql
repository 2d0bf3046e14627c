{#- After int_events. Timely events come first (T4). An increment asks the rows that it wrote; all others only where the
    first event that was known is gone. -#}
{% macro find_first_event() %}
    {%- if is_incremental() %}
    {{ set_all_days('select 1 from (select 1 as one) as g where ' ~ first_is_gone()) }}
    {{ journal_first(first_of(this, pruned(this)) ~ ' union all ' ~ first_of(new_rows(), 'true')) }}
    {%- else %}
    {{ journal_first(first_of(this, 'true')) }}
    {%- endif %}
{% endmacro %}

{% macro first_of(rows, condition) -%}
    (
        select e.event_at, e.device_key, e.is_timely from {{ rows }} as e where {{ condition }}
        order by e.is_timely desc, e.event_at, e.device_key limit 1
    )
{%- endmacro %}

{#- Whether none is known, or it lay where this run replaced rows and is not among those that came. -#}
{% macro first_is_gone() -%}
    not exists (select 1 from ({{ known_first_event(this.identifier) }}) as k)
    or exists (
        select 1
        from ({{ known_first_event(this.identifier) }}) as k
        inner join {{ this_run() }} as r
            on r.touched_key = k.touched_key
            and cast(k.version as {{ dbt.type_bigint() }}) between {{ begins_at('r') }} and {{ ends_at('r') }}
        where not exists (
            select 1 from {{ new_rows() }} as n
            where n.device_key = k.touched_key and n.is_timely = (k.detail <> 'late')
                and n.event_at = cast(k.version as {{ dbt.type_bigint() }})
        )
    )
{%- endmacro %}

{#- Journals the first of what is found and what is known, unless it is known; what is known counts where it is not
    gone. -#}
{% macro journal_first(found) -%}
    insert into {{ journal() }} (entry, model, touched_key, version, detail, seq)
    select
        'first_event', '{{ this.identifier }}', n.device_key, cast(n.event_at as {{ dbt.type_string() }}),
        case when n.is_timely then '' else 'late' end, m.seq + 1
    from (
        select c.* from (
            select f.event_at, f.device_key, f.is_timely from ({{ found }}) as f
            {%- if is_incremental() %}
            union all
            select cast(k.version as {{ dbt.type_bigint() }}), k.touched_key, k.detail <> 'late'
            from ({{ known_first_event(this.identifier) }}) as k
            where not ({{ first_is_gone() }})
            {%- endif %}
        ) as c
        order by c.is_timely desc, c.event_at, c.device_key
        limit 1
    ) as n
    cross join (
        select coalesce(max(j.seq), 0) as seq
        from {{ journal() }} as j where j.entry = 'first_event' and j.model = '{{ this.identifier }}'
    ) as m
    left join ({{ known_first_event(this.identifier) }}) as k
        on k.touched_key = n.device_key and k.version = cast(n.event_at as {{ dbt.type_string() }})
        and k.detail = case when n.is_timely then '' else 'late' end
    where k.touched_key is null
{%- endmacro %}
