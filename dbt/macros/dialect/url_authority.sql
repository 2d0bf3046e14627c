{#- The host of a URL as it stands there, without user and port; null where there is none. On DuckDB a plain web address
    has patterns of its own: what may be a user makes the whole one five times as slow. -#}
{% macro url_authority(url) %}{{ return(adapter.dispatch('url_authority', 'attribution')(url)) }}{% endmacro %}
{% macro default__url_authority(url) -%}
    {{ regexp_first(url, '^(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//(?:[^/?#@]*@)?([^/?#:]+)') }}
{%- endmacro %}
{% macro duckdb__url_authority(url) -%}
    case
        when {{ matches(url, '^https?://[a-zA-Z0-9.-]+(?:[/?#]|$)') }}
            then {{ regexp_first(url, '^https?://([a-zA-Z0-9.-]+)') }}
        else {{ default__url_authority(url) }}
    end
{%- endmacro %}
