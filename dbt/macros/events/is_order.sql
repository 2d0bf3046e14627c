{#- The conversions that are orders: what makes a customer (semantics C4). -#}
{% macro is_order(event_name, transaction_id) -%}
    ({{ event_name }} = 'purchase' or {{ transaction_id }} is not null)
{%- endmacro %}
