{#- The conditions of one table in one statement: a row for each row and condition that it breaks, with the condition's
    name (as in not_null_int_events_person_id) and the columns that conditions name; of a key that several rows share
    one row, with the number of copies. include/quality.py reports each condition by itself.
    Usage in a model's yml; leave out what a table has none of:
    - conditions:
        name: conditions_int_events
        arguments:
          not_null: [event_key, person_id]
          unique: [event_key, [person_id, event_at]]
          accepted_values: {evidence: [source, direct, self_referral]}
          relationships: {person_id: {to: ref('people'), field: person_id}}
          holds: [started_at <= ended_at]
    A null is no accepted value's and no relationship's concern, as in dbt's own tests; an expression that `holds` must
    not be null. `meta` of the test sets single conditions to warn or off (docs/quality.md). -#}
{% test conditions(model, not_null=[], unique=[], accepted_values={}, relationships={}, holds=[]) %}
{{ config(error_if="> 0 and count(case when severity = 'error' then 1 end) > 0") }}
{%- if execute %}
{%- set node = graph.nodes[context.model.attached_node] -%}

{#- name -> the SQL that finds it: a predicate of a row, or the columns of a key -#}
{%- set rows, keys = {}, {} -%}
{%- for column in not_null -%}
    {%- do rows.update({'_'.join(['not_null', node.name, column]): column ~ ' is null'}) -%}
{%- endfor -%}
{%- for column, values in accepted_values.items() -%}
    {%- set accepted = column ~ " not in ('" ~ values | join("', '") ~ "')" -%}
    {%- do rows.update({'_'.join(['accepted_values', node.name, column]): accepted}) -%}
{%- endfor -%}
{%- for column in relationships -%}
    {%- set orphan = column ~ ' is not null and of_' ~ column ~ '.parent_key is null' -%}
    {%- do rows.update({'_'.join(['relationships', node.name, column]): orphan}) -%}
{%- endfor -%}
{%- for expression in holds -%}
    {%- set words = modules.re.findall('\\w+', expression) | join('_') -%}
    {%- do rows.update({'_'.join(['holds', node.name, words]): 'not coalesce(' ~ expression ~ ', false)'}) -%}
{%- endfor -%}
{%- for key in unique -%}
    {%- set columns = [key] if key is string else key -%}
    {%- do keys.update({'_'.join(['unique', node.name, columns | join('__')]): columns}) -%}
{%- endfor -%}

{#- name -> severity, of those that are not off -#}
{%- set severity, set_by_user = {}, config.get('meta') or {} -%}
{%- for name in set_by_user if name not in rows and name not in keys -%}
    {{ exceptions.raise_compiler_error(context.model.name ~ ' has no condition ' ~ name ~ ', but: '
        ~ (rows.keys() | list + keys.keys() | list) | join(', ')) }}
{%- endfor -%}
{%- for name in rows.keys() | list + keys.keys() | list if set_by_user.get(name, {}).get('enabled', true) -%}
    {%- do severity.update({name: set_by_user.get(name, {}).get('severity', 'error') | lower}) -%}
{%- endfor -%}
{%- if not severity -%}
    {{ exceptions.raise_compiler_error('all conditions of ' ~ context.model.name ~ ' are off: set +enabled: false') }}
{%- endif -%}
{%- set rows_on, keys_on = rows | select('in', severity) | list, keys | select('in', severity) | list -%}

{%- set named = [not_null, unique, accepted_values.keys() | list, relationships.keys() | list, holds] -%}
{%- set shown = node.columns | select('in', modules.re.findall('\\w+', tojson(named))) | list -%}
with checked as (
    select {{ shown | join(', ') }} from {{ model }}
)
{%- if rows_on %},

conditions as (
    {%- for name in rows_on %}
    select '{{ name }}' as condition, '{{ severity[name] }}' as severity {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select conditions.condition, conditions.severity, checked.*, cast(null as {{ dbt.type_bigint() }}) as copies
from checked
{%- for column, parent in relationships.items() %}
left join (select distinct {{ parent.field }} as parent_key from {{ get_where_subquery(parent.to) }}) as of_{{ column }}
    on of_{{ column }}.parent_key = checked.{{ column }}
{%- endfor %}
cross join conditions
where ({% for name in rows_on %}{{ 'or ' if not loop.first }}{{ rows[name] }} {% endfor %})
    and case conditions.condition
        {%- for name in rows_on %}
        when '{{ name }}' then {{ rows[name] }}
        {%- endfor %}
    end
{%- endif %}
{%- for name in keys_on %}
{{ 'union all' if rows_on or not loop.first }}
select '{{ name }}' as condition, '{{ severity[name] }}' as severity,
    {%- for column in shown %}
    {% if column not in keys[name] %}any_value(case when false then {{ column }} end) as {% endif %}{{ column }},
    {%- endfor %}
    count(*) as copies
from checked
{%- if keys[name] | length == 1 %}
where {{ keys[name][0] }} is not null
{%- endif %}
group by {{ keys[name] | join(', ') }}
having count(*) > 1
{%- endfor %}
{%- endif %}
{% endtest %}
