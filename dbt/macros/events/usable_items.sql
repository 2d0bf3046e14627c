{#- Column items, from sent_items, items_issue, sent_currency and sent_usd_per_unit. -#}
{% macro usable_items() -%}
    {%- set counted = 'case when i.quantity between 0 and 999999999 then i.quantity end' -%}
    {%- set chosen = record({
        'name': 'i.name',
        'quantity': counted,
        'sent': 'coalesce(i.item_revenue_in_usd, i.item_revenue, i.price_in_usd, i.price)',
        'times': 'case when coalesce(i.item_revenue_in_usd, i.item_revenue) is null then ' ~ counted ~ ' else 1 end',
        'currency': 'case when i.item_revenue_in_usd is null and (i.item_revenue is not null or i.price_in_usd is null)'
            ~ " then sent_currency else 'USD' end",
    }) -%}
    {%- set rate = "(case when i.currency <> 'USD' then sent_usd_per_unit end)" -%}
    {%- set judged = record({
        'name': 'i.name', 'quantity': 'i.quantity', 'sent': 'i.sent', 'times': 'i.times', 'currency': 'i.currency',
        'issue': 'coalesce(' ~ amount_issue('i.sent', 'i.sent', 'i.currency', rate) ~ ', '
            ~ amount_issue('i.sent * i.times', 'i.sent', 'i.currency', rate) ~ ')',
    }) -%}
    {%- set revenue = cents(in_dollars(nine_decimals('i.sent') ~ ' * i.times', rate)) -%}
    {%- set parts = ['i.name'] -%}
    {%- for value in ['i.quantity', 'case when i.issue is null then ' ~ revenue ~ ' end', 'i.issue'] -%}
        {%- do parts.append('coalesce(cast(' ~ value ~ ' as ' ~ dbt.type_string() ~ "), '')") -%}
    {%- endfor -%}
    {%- set line = parts | join(' || ' ~ field_sign() ~ ' || ') -%}
    case when sent_items is not null and items_issue is null then
        {{ joined(each_of(each_of(each_of('sent_items', chosen), judged), line), line_sign()) }}
    end as items
{%- endmacro %}
