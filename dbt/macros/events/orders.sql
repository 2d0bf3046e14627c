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

{#- Conversions and refunds of the people of this run, as the CTE `events`; by shop also those of all who share an order
    with them. All of a person, whenever they happened: int_order_events is small. -#}
{% macro order_events_cte() -%}
theirs as (
    select * from {{ ref('int_order_events') }} where {{ touched_only('person_id') }}
),

events as (
    {%- if by_shop() and is_incremental() %}
    select * from theirs where transaction_id is null
    union all
    select * from {{ ref('int_order_events') }}
    where transaction_id in (select transaction_id from theirs where transaction_id is not null)
    {%- else %}
    select * from theirs
    {%- endif %}
)
{%- endmacro %}

{#- By shop: adds the people who hold an order that stands, or stood, among the touched events. -#}
{% macro order_mates() %}
    {%- if by_shop() %}
    insert into {{ this_run() }} (touched_key)
    select distinct o.person_id
    from {{ ref('int_order_events') }} as o
    where o.transaction_id in (
        select j.touched_key from {{ entries_this_run() }} as j
        where j.entry = 'transaction_id' and j.touched_key is not null
    );
    {%- endif %}
    {%- if model.config.partition_by %}
    {%- set spans %}
        select distinct c.conversion_date as first_date, c.conversion_date as last_date from {{ this }} as c
        where {{ touched_only('c.person_id') }}
    {%- endset %}
    {{ set_days_of(spans) }}
    {%- endif %}
{% endmacro %}
