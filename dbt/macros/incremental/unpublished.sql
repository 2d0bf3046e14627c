{#- The rows of a table that no published run shows yet, as a subquery for a check, so that what a check costs follows
    the batch and not the history: rows of the keys that the open batches journaled, on the days for which they did,
    widened by so many days. Which days these are is asked for once while the checks compile, because both engines skip
    what a constant rules out. whole: rows of the keys whenever they happened.
    Usage: from {{ unpublished(ref('int_events'), 'person_id') }} as e -#}
{% macro unpublished(relation, column, before=0, after=0, whole=false) -%}
    {%- set open = open_batches() -%}
    {%- if open.all -%}{{ return('(select * from ' ~ relation ~ ')') }}{%- endif -%}
    {%- set by = node_of(relation).config.partition_by if relation is not string else none -%}
    {%- set day = by.field if by and not whole else none -%}
    {%- set spanned = day if column in ['person_id', 'device_key'] else none -%}
    (
        select u.* from {{ relation }} as u
        where {{ is_open('u', column, spanned, before, after) }}
        {%- if day is not none %} and {{ on_open_days('u.' ~ day, column, before, after) }}{% endif %}
    )
{%- endmacro %}

{#- Whether a row, by its alias, is of a key of the open batches, and its day in a span of this key. -#}
{% macro is_open(row, column, day=none, before=0, after=0) -%}
    {%- if open_batches().all -%}{{ return('true') }}{%- endif -%}
    exists (
        select 1 from {{ open_entries() }} as o
        where o.entry = '{{ column }}' and o.touched_key = {{ key_text(row ~ '.' ~ column) }}
            {%- if day is not none %} and {{ in_span(
                'o', row ~ '.' ~ day, before=before * micros(days=1), after=after * micros(days=1)
            ) }}{% endif %}
    )
{%- endmacro %}

{#- The journal's entries of batches taken in since `publish` marked the last (include/publish.py): no published run was
    built from their rows yet. -#}
{% macro open_entries() -%}
    (
        select * from {{ journal() }} where batch_id in (
            select d.batch_id from {{ journal() }} as d
            where d.entry = 'done'
            group by d.batch_id
            having count(case when d.model = 'publish' then 1 end) = 0
        )
    )
{%- endmacro %}

{#- What is open. all: nothing was ever published, or a table was rebuilt since, and every row is to be looked at. Else
    spans: kind of key -> pairs of the first and the last day; session_days: how many the longest session may take. -#}
{% macro open_batches() %}
    {%- if not execute or adapter.get_relation(journal().database, journal().schema, 'int_journal') is none -%}
        {{ return({'all': true, 'session_days': 0}) }}
    {%- endif -%}
    {%- set answers = graph.setdefault('open_batches', {}) -%}
    {%- set question = invocation_id ~ ('' if flags.WHICH == 'test' else model.unique_id) -%}
    {%- if question not in answers -%}
        {%- do answers.update({question: find_open_batches()}) -%}
    {%- endif -%}
    {{ return(answers[question]) }}
{% endmacro %}

{% macro find_open_batches() %}
    {%- set text = dbt.type_string() -%}
    {%- set query -%}
        select 'all' as kind, cast(null as {{ text }}) as first_date, cast(null as {{ text }}) as last_date
        from {{ open_entries() }} as e where e.entry = 'rebuilt'
        union distinct
        select 'all', null, null from (select 1 as one) as o
        where not exists (select 1 from {{ journal() }} as p where p.entry = 'done' and p.model = 'publish')
        union distinct
        select 'session', cast({{ longest_session() }} as {{ text }}), null
        union distinct
        select
            'event',
            cast({{ utc_date(begins_at('e')) }} as {{ text }}), cast({{ utc_date(ends_at('e')) }} as {{ text }})
        from {{ open_entries() }} as e
        where e.entry in ('device_key', 'person_id')
        union distinct
        select 'conversion_date', e.touched_key, e.touched_key
        from {{ open_entries() }} as e
        where e.entry = 'conversion_date' and e.touched_key is not null
        union distinct
        select 'shard', cast({{ utc_date('d.from_at') }} as {{ text }}), cast({{ utc_date('d.from_at') }} as {{ text }})
        from {{ journal() }} as d
        where d.entry = 'shard_day' and d.touched_key in (
            select e.touched_key from {{ open_entries() }} as e where e.entry in ('shard', 'rejected')
        )
    {%- endset -%}
    {%- set spans, found = {'event': [], 'conversion_date': [], 'shard': []}, {'all': false, 'session_days': 0} -%}
    {%- do spans.shard.append(['1970-01-01', '1970-01-01']) -%}
    {%- for row in run_query(query).rows -%}
        {%- if row[0] == 'all' -%}
            {%- do found.update({'all': true}) -%}
        {%- elif row[0] == 'session' -%}
            {%- do found.update({'session_days': row[1] | int // micros(days=1) + 1}) -%}
        {%- else -%}
            {%- do spans[row[0]].append([row[1], row[2]]) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do found.update({'spans': spans}) -%}
    {{ return(found) }}
{% endmacro %}

{#- The events that are kept on any day on which a copy of an open event lies, by an id that its sender gave (E1). -#}
{% macro kept_copies() -%}
    {%- if open_batches().all -%}{{ return('(select * from ' ~ ref('int_events') ~ ')') }}{%- endif -%}
    {%- set days = [] -%}
    {%- set text = dbt.type_string() -%}
    {%- for row in run_query(
        'select distinct cast(c.event_date as ' ~ text ~ ') from ' ~ ref('stg_streamed_events') ~ ' as c'
        ~ ' where c.reject_reason is null and c.event_key in (select g.event_key from '
        ~ unpublished(ref('stg_ga_events'), 'device_key') ~ ' as g union all select s.event_key from '
        ~ unpublished(ref('stg_streamed_events'), 'device_key') ~ ' as s)'
    ).rows -%}
        {%- do days.append("date '" ~ row[0] ~ "'") -%}
    {%- endfor -%}
    (select * from {{ ref('int_events') }} where event_date in ({{ days | join(', ') or 'null' }}))
{%- endmacro %}

{#- The condition that a day is among the open ones of a kind of key, in constants. -#}
{% macro on_open_days(day, column, before, after) -%}
    {%- set kind = {'conversion_date': 'conversion_date', 'shard': 'shard'}.get(column, 'event') -%}
    {%- set timedelta, parse = modules.datetime.timedelta, modules.datetime.date.fromisoformat -%}
    {%- set least, spans = parse('1970-01-01'), [] -%}
    {%- for first, last in open_batches().spans[kind] -%}
        {%- do spans.append((parse(first) - timedelta(before), parse(last) + timedelta(after))) -%}
    {%- endfor -%}
    {%- set merged = [] -%}
    {%- for first, last in spans | sort -%}
        {%- if merged and first <= merged[-1][1] + timedelta(1) -%}
            {%- set joined = merged.pop() -%}
            {%- do merged.append((joined[0], [joined[1], last] | max)) -%}
        {%- else -%}
            {%- do merged.append((first, last)) -%}
        {%- endif -%}
    {%- endfor -%}
    ({% for first, last in merged -%}
        {{ day }} between date '{{ first }}' and date '{{ last }}'{{ ' or ' if not loop.last }}
    {%- else -%}
        false
    {%- endfor %})
{%- endmacro %}
