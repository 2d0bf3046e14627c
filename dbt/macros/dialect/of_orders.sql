{#- The rows of these orders, a query of one column, key. BigQuery finds rows by device and person alone, and reads
    these columns whole. -#}
{% macro of_orders(relation, orders) %}
    {{- return(adapter.dispatch('of_orders', 'attribution')(relation, orders)) -}}
{% endmacro %}
{% macro duckdb__of_orders(relation, orders) -%}
    {{ looked_up(relation, 'transaction_id in (' ~ few_keys(orders) ~ ')') }}
{%- endmacro %}
{% macro bigquery__of_orders(relation, orders) -%}
    (select * from {{ relation }} where bucket >= 0 and transaction_id in ({{ orders }}))
{%- endmacro %}
