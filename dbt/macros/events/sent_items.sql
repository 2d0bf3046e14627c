{#- The items of a conversion (semantics C6): what staging makes of those that a source sends. One text, so that copies
    of an event have an order (E1) and both engines hold the same bytes, which JSON does not promise: a line an item,
    its fields those of item_columns(), money in whole cents of US dollars. -#}
{% macro item_names() %}
    {{- return(['item_id', 'item_name', 'item_brand', 'item_variant', 'item_category']) -}}
{% endmacro %}
{% macro item_columns() %}{{ return(item_names() + ['quantity', 'revenue_cents', 'item_issue']) }}{% endmacro %}

{#- What parts the lines of the text, and the fields of a line; neither occurs in a field. -#}
{% macro line_sign() %}chr(30){% endmacro %}
{% macro field_sign() %}chr(31){% endmacro %}

{#- Column sent_items, of conversions alone: a list of records. name: the item's names as part of a line, null where it
    has neither id nor name, which is GA4's way to say that there is none; quantity (whole, 1 where none was sent) and
    the amounts as floating numbers. `text` and `amount` give a field of an item i, {} is its name. -#}
{% macro sent_items(event_name, list, text, amount, quantity) -%}
    {%- set fields, parts, named = {}, [], [] -%}
    {%- for name in item_names() -%}
        {%- set value = text_or_null('translate(' ~ text | replace('{}', name) ~ ", chr(30) || chr(31), '  ')") -%}
        {%- do parts.append('coalesce(' ~ value ~ ", '')") -%}
        {%- do named.append('coalesce(' ~ value ~ ", '(not set)') <> '(not set)'") -%}
    {%- endfor -%}
    {%- set line = parts | join(' || ' ~ field_sign() ~ ' || ') -%}
    {%- do fields.update({
        'name': 'case when ' ~ named[:2] | join(' or ') ~ ' then ' ~ line ~ ' end',
        'quantity': quantity,
    }) -%}
    {%- for name in ['item_revenue_in_usd', 'item_revenue', 'price_in_usd', 'price'] -%}
        {%- do fields.update({name: amount | replace('{}', name)}) -%}
    {%- endfor -%}
    case when {{ is_conversion(event_name) }} then {{ each_of(list, record(fields)) }} end as sent_items
{%- endmacro %}

{#- An amount of a streamed item: what is no number stays one that is not usable. -#}
{% macro sent_number(text) -%}
    case
        when {{ text_or_null(text) }} is not null
            then coalesce({{ try_float(text_or_null(text)) }}, cast('NaN' as {{ type_double() }}))
    end
{%- endmacro %}
{% macro sent_quantity(text) -%}
    case when {{ text_or_null(text) }} is null then 1 else {{ try_whole(text_or_null(text)) }} end
{%- endmacro %}
