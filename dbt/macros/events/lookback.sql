{#- T4: the window does not reach before the first event in the warehouse, or the first ever known (L3, L4). -#}
{% macro lookback_complete(converted_at) -%}
    {{ converted_at }} - {{ micros(days=var('lookback_days')) }} >= least(
        {{ first_event('int_events') }},
        coalesce((select h.first_event_at from {{ kept_history() }} as h), {{ after_any_event() }})
    )
{%- endmacro %}

{#- People whose flag changed because the first event of all did since this model was last built, though nothing of
    theirs was touched. -#}
{% macro stale_lookback() %}
    {%- set moved -%}
        select o.key from (select 1 as key) as o
        where {{ first_event('int_events') }} is distinct from {{ first_event(this.identifier) }}
    {%- endset %}
    select a.person_id as touched_key
    from {{ looked_up(this, 'exists (' ~ few_keys(moved) ~ ')') }} as a
    inner join {{ looked_up(ref('int_conversions'), 'exists (' ~ few_keys(moved) ~ ')') }} as c
        on c.conversion_id = a.conversion_id
    where a.lookback_complete <> ({{ lookback_complete('c.converted_at') }})
{% endmacro %}

{#- After a model that shows what follows from the first event. -#}
{% macro remember_first_event() %}
    insert into {{ journal() }} (entry, model, version, seq)
    select 'first_event', '{{ this.identifier }}', f.version, f.seq
    from {{ looked_up(journal(), "entry = 'first_event'") }} as f
    where f.model = 'int_events' and {{ first_event('int_events') }} is distinct from {{ first_event(this.identifier) }}
    order by f.seq desc
    limit 1
{% endmacro %}
