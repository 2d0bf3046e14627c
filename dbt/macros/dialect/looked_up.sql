{#- The rows of a table for which one condition on one column holds, as a subquery.
    DuckDB finds them by the column's index only where it is the scan's single condition; `offset 0` keeps what is asked
    of the rows further up from being pushed beside it. BigQuery prunes by each condition, and knows no bare offset.
    Usage: from {{ looked_up(ref('int_events'), touched_only('person_id')) }} as e -#}
{% macro looked_up(relation, condition) -%}
    {{- return(adapter.dispatch('looked_up', 'attribution')(relation, condition)) -}}
{% endmacro %}
{% macro duckdb__looked_up(relation, condition) -%}
    (select * from {{ relation }} where {{ condition }}{{ ' offset 0' if condition != 'true' }})
{%- endmacro %}
{% macro bigquery__looked_up(relation, condition) -%}
    (select * from {{ relation }} where {{ condition }})
{%- endmacro %}
