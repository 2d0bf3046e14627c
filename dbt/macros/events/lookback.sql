{#- T1: the window of touchpoints, in microseconds. -#}
{% macro lookback() %}{{ return(micros(days=var('lookback_days'))) }}{% endmacro %}

{#- T4: the window does not reach before the history begins. -#}
{% macro lookback_complete(converted_at) -%}
    {{ converted_at }} - {{ lookback() }} >= {{ history_start() }}
{%- endmacro %}

{#- Adds people whose flag changed because the first event of all did since this model was last built, though nothing
    of theirs was touched. -#}
{% macro stale_lookback() %}
    {%- call on_all_days_if(first_event_moved()) %}
    insert into {{ this_run() }} (touched_key)
    select a.person_id
    from (select * from {{ this }} where {{ pruned(this) }}) as a
    inner join (select * from {{ ref('int_conversions') }} where {{ pruned(ref('int_conversions')) }}) as c
        on c.conversion_id = a.conversion_id
    where a.lookback_complete <> ({{ lookback_complete('c.converted_at') }});
    {%- endcall %}
    {{ set_days() }}
{%- endmacro %}

{#- One row where it did. -#}
{% macro first_event_moved() -%}
    select o.key from (select 1 as key) as o
    where {{ first_event('int_events') }} is distinct from {{ first_event(this.identifier) }}
{%- endmacro %}

{#- After a model that shows what follows from the first event. -#}
{% macro remember_first_event() %}
    insert into {{ journal() }} (entry, model, version, detail, seq)
    select 'first_event', '{{ this.identifier }}', f.version, f.detail, f.seq
    from {{ journal() }} as f
    where f.entry = 'first_event' and f.model = 'int_events'
        and {{ first_event('int_events') }} is distinct from {{ first_event(this.identifier) }}
    order by f.seq desc
    limit 1
{% endmacro %}
