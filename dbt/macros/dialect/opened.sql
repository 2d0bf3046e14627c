{#- BigQuery: the partitions that hold what no published run shows yet, for the checks, which are single statements:
    their constants are asked for while they compile, once for all checks of a `dbt test`. -#}
{% macro opened(node, field) -%}
    {%- set parts = open_parts() -%}
    {%- if parts.all -%}
        {{ every_partition(field) }}
    {%- elif field == 'bucket' -%}
        bucket in ({{ parts[bucketed_by(node)] | join(', ') }})
    {%- else -%}
        {{ field }} in ({{ parts.dates | join(', ') }})
    {%- endif -%}
{%- endmacro %}

{#- all: whether everything is open; else the buckets of the devices and of the people, and the dates. -#}
{% macro open_parts() %}
    {%- if not execute -%}{{ return({'all': true}) }}{%- endif -%}
    {%- set answers = graph.setdefault('open_parts', {}) -%}
    {%- set question = invocation_id ~ ('' if flags.WHICH == 'test' else model.unique_id) -%}
    {%- if question not in answers -%}
        {%- do answers.update({question: find_open_parts()}) -%}
    {%- endif -%}
    {{ return(answers[question]) }}
{% endmacro %}

{% macro find_open_parts() %}
    {%- set all = column_of('select f.key from (' ~ all_unpublished() ~ ') as f limit 1') -%}
    {%- if all -%}{{ return({'all': true}) }}{%- endif -%}
    {%- set people = buckets_open('person_id') -%}
    {%- set touched = buckets_open('device_key') -%}
    {%- set events = 'select s.event_key as key from (' ~ open_copies(touched) ~ ') as s' -%}
    {%- set near = column_of('select distinct ' ~ bucket_of('e.key') ~ ' from (' ~ events ~ ') as e') -%}
    {%- set of_people = open_lookup('person', people, open_keys('person_id')) -%}
    {%- set of_events = open_lookup('event', near, events) -%}
    {{ return({
        'all': false,
        'person': people,
        'device': (touched + of_people + of_events + [rejected_bucket()]) | unique | list,
        'dates': open_dates(people) or ['null'],
    }) }}
{% endmacro %}

{#- As literals: the days whose rows changed, and all on which the open people have a session or a conversion; they lie
    in these buckets. -#}
{% macro open_dates(people) -%}
    {%- set days -%}
        select e.touched_key as day from {{ open_entries() }} as e where e.entry in ('conversion_date', 'session_date')
        {%- for table, day in {'int_sessions': 'session_date', 'int_conversions': 'conversion_date'}.items() %}
        union all
        select cast(p.{{ day }} as string)
        from {{ api.Relation.create(database=target.database, schema=target.schema, identifier=table) }} as p
        where p.bucket in ({{ people | join(', ') }}) and p.person_id in ({{ open_keys('person_id') }})
        {%- endfor %}
    {%- endset -%}
    {{- return(column_of("select distinct concat('date \"', d.day, '\"') from (" ~ days ~ ') as d')) -}}
{%- endmacro %}
