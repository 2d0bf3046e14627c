{#- Whose an order is (semantics C1, C3): with order_scope person an id is one order a person, with shop one of all.
    Then what one person did decides what another has, so that a batch also derives the people anew who share an order
    with those it touched: int_events journals the orders of its old and new rows, order_mates finds the people. -#}
{% macro by_shop() %}{{ return(var('order_scope') == 'shop') }}{% endmacro %}

{#- The columns that tell orders apart, and whether rows of two relations are of one. -#}
{% macro order_columns(id) %}{{ return(id if by_shop() else 'person_id, ' ~ id) }}{% endmacro %}
{% macro same_order(one, other) -%}
    {{ one }}.transaction_id = {{ other }}.transaction_id
    {%- if not by_shop() %} and {{ one }}.person_id = {{ other }}.person_id{% endif -%}
{%- endmacro %}

{#- Conversions and refunds among these events, as the CTE `events`; where some people's are asked for by shop, those of
    all who share an order with them. -#}
{% macro order_events_cte(some, shared) -%}
theirs as (
    select * from {{ some }} as e where {{ has_amount('event_name') }}
),

events as (
    {%- if shared %}
    select * from theirs where transaction_id is null
    union all
    select *
    from {{ of_orders(
        ref('int_events'), 'select transaction_id as key from theirs where transaction_id is not null'
    ) }} as o
    where {{ has_amount('event_name') }}
    {%- else %}
    select * from theirs
    {%- endif %}
)
{%- endmacro %}

{#- Adds the people who hold an order that stands, or stood, among the touched events. -#}
{% macro order_mates() %}
    {%- set orders = 'select j.touched_key as key from ' ~ entries_this_run() ~ ' as j'
        ~ " where j.entry = 'transaction_id' and j.touched_key is not null" %}
    insert into {{ this_run() }} (batch_id, touched_key)
    select distinct (select max(batch_id) from {{ this_run() }}), o.person_id
    from {{ of_orders(ref('int_events'), orders) }} as o;
    {{ set_partitions() }}
{% endmacro %}
