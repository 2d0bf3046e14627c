{#- Whether a source, prepared by channel_text, has a category in the seed source_categories.

    An uncorrelated `in`, because BigQuery refuses correlated subqueries over tables that it cannot turn into joins.
    Usage: {{ in_category(channel_text('source'), 'search') }} -#}
{% macro in_category(source, category) -%}
    {{ source }} in (select sc.source from {{ ref('source_categories') }} as sc where sc.category = '{{ category }}')
{%- endmacro %}
