{#- Order of a person's events (semantics E2); ends in the unique key. -#}
{% macro event_order(alias='', descending=false) -%}
    {%- set a = alias ~ '.' if alias else '' -%}
    {%- for c in [
        'event_at', 'batch_page_id', 'batch_ordering_id', 'batch_event_index', 'event_bundle_sequence_id',
        'event_name', 'event_key',
    ] -%}
    {{ a }}{{ c }}{{ ' desc nulls last' if descending else ' nulls first' }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
