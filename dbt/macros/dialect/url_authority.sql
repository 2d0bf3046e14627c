{#- The host of a URL as it stands there, without user and port; null where there is none. On DuckDB that of a plain web
    address is cut out: what may be a user makes the pattern five times as slow. -#}
{% macro url_authority(url) %}{{ return(adapter.dispatch('url_authority', 'attribution')(url)) }}{% endmacro %}
{% macro default__url_authority(url) -%}
    {{ regexp_first(url, '^(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//(?:[^/?#@]*@)?([^/?#:]+)') }}
{%- endmacro %}
{% macro duckdb__url_authority(url) -%}
    {%- set host = "split_part(" ~ url ~ ", '/', 3)" -%}
    case
        when ({{ url }} like 'http://%' or {{ url }} like 'https://%') and {{ matches(host, '^[a-zA-Z0-9.-]+$') }}
            then {{ host }}
        else {{ default__url_authority(url) }}
    end
{%- endmacro %}
