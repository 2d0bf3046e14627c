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

{#- As literals: the days on which the open people, whose rows lie in these buckets, have or had sessions or
    conversions. -#}
{% macro open_dates(people) -%}
    {%- set where = {'database': target.database, 'schema': target.schema} -%}
    {%- set buckets, keys = '(' ~ people | join(', ') ~ ')', open_keys('person_id') -%}
    {%- set days = [] -%}
    {%- for day, table in {'session_date': 'int_sessions', 'conversion_date': 'int_conversions'}.items() -%}
        {%- set dated = api.Relation.create(identifier=table, **where) -%}
        {%- do days.append(days_of(day, open_entries(), dated, buckets, keys)) -%}
    {%- endfor -%}
    {%- set literal = "concat('date \"', cast(d.value as string), '\"')" -%}
    {{- return(column_of('select distinct ' ~ literal ~ ' from (' ~ days | join(' union all ') ~ ') as d')) -}}
{%- endmacro %}
