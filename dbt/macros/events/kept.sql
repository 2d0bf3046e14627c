{#- L4: readers see what happened since the first day that retention keeps. -#}
{% macro is_kept(at) -%}
    {{ at }} >= coalesce((select h.kept_from from {{ kept_history() }} as h), {{ before_any_event() }})
{%- endmacro %}

{#- A time before and one after every event's. -#}
{% macro before_any_event() %}-4611686018427387904{% endmacro %}
{% macro after_any_event() %}4611686018427387904{% endmacro %}
