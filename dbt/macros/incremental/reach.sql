{#- How far the models of sessions, touchpoints and journeys look around what changed (docs/incremental.md). -#}

{#- By how many microseconds a model widens the spans of its rows, by the macro that its config names. -#}
{% macro margin(side) -%}
    {%- set wide = model.config.meta[side] -%}
    {{- return(context[wide]() if wide else 0) -}}
{%- endmacro %}

{#- Whether a row of this model, by its key and time, is one that this run derives. -#}
{% macro is_touched(key, at, until=none) -%}
    {{ in_this_run(key, at, until, before=margin('before'), after=margin('after')) }}
{%- endmacro %}

{#- The days of conversions that a changed session may touch, and of the sessions that touch these. -#}
{% macro days_of_touchpoints() %}
    {{ set_days(longest_session() ~ ' + ' ~ (lookback() + micros(days=1)), lookback()) }}
{% endmacro %}

{#- The days of the sessions in which something changed, and of the conversions in them. -#}
{% macro days_of_sessions() %}{{ set_days(longest_session(), longest_session()) }}{% endmacro %}

{#- S6: a session changes what is said of those after it, each of which looks as far back. -#}
{% macro days_of_comparison() %}
    {{ set_days(longest_session() ~ ' + ' ~ ga4_memory(), ga4_memory()) }}
{% endmacro %}

{#- T6. Adds the sessions that may have become, or ceased to be, touchpoints of the conversions that changed, and the
    journeys without conversion that a session may join or leave there: those of which a session lies within a window of
    a change. No other session belongs to them, because it is further away than the window. -#}
{% macro journeys_around() %}
    {{ set_days(longest_session() ~ ' + ' ~ lookback()) }}
    insert into {{ this_run() }} (touched_key, from_at, until_at)
    select s.person_id, s.started_at, s.started_at
    from {{ touched_rows(ref('int_sessions'), 'person_id', 'started_at', 'ended_at', before=lookback()) }} as s;
    {#- a journey lies on the day of its last session, whenever it began -#}
    {{ set_days(lookback(), micros(days=36500)) }}
    insert into {{ this_run() }} (touched_key, from_at, until_at)
    select j.person_id, {{ epoch_micros('j.started_at') }}, {{ epoch_micros('j.last_touched_at') }}
    from {{ touched_rows(
        this, 'person_id', epoch_micros('started_at'), epoch_micros('last_touched_at'), lookback(), lookback()
    ) }} as j
    where j.conversion_id is null;
    {{ set_days(0, longest_session() ~ ' + ' ~ lookback()) }}
{% endmacro %}
