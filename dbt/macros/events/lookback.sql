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
    select a.person_id as touched_key
    from {{ this }} as a
    inner join {{ ref('int_conversions') }} as c on c.conversion_id = a.conversion_id
    where
        a.lookback_complete <> ({{ lookback_complete('c.converted_at') }})
        and {{ first_event('int_events') }} is distinct from {{ first_event(this.identifier) }}
{% endmacro %}
