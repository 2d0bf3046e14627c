{#- A mart without a day of its own. Usage: config(partition_by=by_bucket()). -#}
{% macro by_bucket() %}{{ return(adapter.dispatch('by_bucket', 'attribution')()) }}{% endmacro %}
{% macro duckdb__by_bucket() %}{{ return(none) }}{% endmacro %}
{% macro bigquery__by_bucket() -%}
    {{- return({'field': 'bucket', 'data_type': 'int64', 'range': {'start': 0, 'end': 1024, 'interval': 1}}) -}}
{%- endmacro %}

{#- Readers ask for days, so marts are partitioned by date. Usage: config(partition_by=by_day('conversion_date')). -#}
{% macro by_day(column) %}{{ return(adapter.dispatch('by_day', 'attribution')(column)) }}{% endmacro %}
{% macro duckdb__by_day(column) %}{{ return(none) }}{% endmacro %}
{% macro bigquery__by_day(column) %}{{ return({'field': column, 'data_type': 'date'}) }}{% endmacro %}
