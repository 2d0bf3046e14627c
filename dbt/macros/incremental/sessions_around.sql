{#- Takes each person again from the start of the session that the time lies in, or that ended so shortly before that an
    event of that time belongs to it. -#}
{% macro sessions_around() %}
    {%- set sessions = this if this.identifier == 'int_sessions' else ref('int_sessions') %}
    insert into {{ this_run() }} (batch_id, touched_key, from_at)
    select r.batch_id, r.touched_key, s.started_at
    from {{ this_run() }} as r
    inner join {{ looked_up(sessions, touched_only('person_id')) }} as s
        on s.person_id = r.touched_key
        and s.started_at < r.from_at
        and s.ended_at >= r.from_at - {{ micros(minutes=var('session_timeout_minutes')) }};
{% endmacro %}
