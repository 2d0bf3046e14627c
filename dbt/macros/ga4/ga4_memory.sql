{#- S6: how far back GA4 may have a session's source from, in microseconds. -#}
{% macro ga4_memory() %}{{ return(micros(days=90)) }}{% endmacro %}
