{#- The lines of the items of conversions (conversion_id, items): a row an item, item_line 1 for the first. -#}
{% macro item_lines(conversions) -%}
    select
        {%- for name in item_columns() %}
        {{ part_at('l.part', field_sign(), loop.index) }} as {{ name }},
        {%- endfor %}
        l.conversion_id,
        l.place as item_line
    from (
        {{ parts_of(conversions, 'items', line_sign()) }}
    ) as l
{%- endmacro %}
