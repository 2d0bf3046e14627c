{#- Adds the sessions that a touched person has in this run's spans, or that began or ended within the timeout of them,
    so that what they are made of is taken again as a whole. No event outside belongs to them, before or after: it is
    further away than the timeout. -#}
{% macro sessions_around() %}
    {%- set gap = micros(minutes=var('session_timeout_minutes')) %}
    {{ set_days(gap ~ ' + ' ~ longest_session(), gap) }}
    insert into {{ this_run() }} (touched_key, from_at, until_at)
    select s.person_id, s.started_at, s.ended_at
    from {{ touched_rows(this, 'person_id', 'started_at', 'ended_at', before=gap, after=gap) }} as s;
    {{ set_days() }}
{% endmacro %}

{#- The longest session that there ever was, in microseconds: how far before a moment the start of one may lie that
    goes on then. In the journal, because max() would read all sessions in every batch. -#}
{% macro longest_session() -%}
    (select coalesce(max(l.seq), 0) from {{ journal() }} as l where l.entry = 'longest_session')
{%- endmacro %}

{#- Notes it. -#}
{% macro note_longest_session(rows) %}
    insert into {{ journal() }} (entry, model, seq)
    select 'longest_session', '{{ this.identifier }}', max(s.ended_at - s.started_at) from {{ rows }} as s
    having max(s.ended_at - s.started_at) > {{ longest_session() }};
{% endmacro %}
