{#- Text functions that the two engines spell differently. -#}

{#- An id from a content hash, as lower-case hex. BigQuery's md5 returns bytes. -#}
{% macro md5_hex(text) %}{{ return(adapter.dispatch('md5_hex', 'attribution')(text)) }}{% endmacro %}
{% macro duckdb__md5_hex(text) %}md5({{ text }}){% endmacro %}
{% macro bigquery__md5_hex(text) %}to_hex(md5({{ text }})){% endmacro %}

{#- The first group of the first match, null where there is none. DuckDB gives '' for no match, and its nullif writes
    the text twice, which it works out once unless a CASE stands around. -#}
{% macro regexp_first(text, pattern) %}
    {{- return(adapter.dispatch('regexp_first', 'attribution')(text, pattern)) -}}
{% endmacro %}
{% macro duckdb__regexp_first(text, pattern) %}nullif(regexp_extract({{ text }}, '{{ pattern }}', 1), ''){% endmacro %}
{% macro bigquery__regexp_first(text, pattern) %}nullif(regexp_extract({{ text }}, r'{{ pattern }}'), ''){% endmacro %}

{#- Percent-decoding; text that does not decode stays as it is. BigQuery has no function for it: the runs of plain and
    encoded bytes are taken apart and joined as bytes. -#}
{% macro url_decode(text) %}{{ return(adapter.dispatch('url_decode', 'attribution')(text)) }}{% endmacro %}
{% macro duckdb__url_decode(text) %}coalesce(try(url_decode(replace({{ text }}, '+', ' '))), {{ text }}){% endmacro %}
{% macro bigquery__url_decode(text) -%}
    coalesce((
        select safe_convert_bytes_to_string(string_agg(
            if(regexp_contains(part, r'^%[0-9a-fA-F]{2}$'), from_hex(substr(part, 2)), cast(part as bytes)),
            b'' order by place
        ))
        from unnest(regexp_extract_all(replace({{ text }}, '+', ' '), r'%[0-9a-fA-F]{2}|[^%]+|%')) as part
            with offset as place
    ), {{ text }})
{%- endmacro %}

{#- The character that stands for null in a hashed text; the separator is 0x1F. Neither occurs in a trimmed field.
    BigQuery's chr(0) is an empty string. -#}
{% macro null_mark() %}{{ return(adapter.dispatch('null_mark', 'attribution')()) }}{% endmacro %}
{% macro duckdb__null_mark() %}chr(0){% endmacro %}
{% macro bigquery__null_mark() %}'\x00'{% endmacro %}

{#- md5 of the values joined by 0x1F, nulls told apart (semantics E1). concat() gets no null here: BigQuery's would give
    null, DuckDB's would pass over it, so elsewhere text is joined by ||. -#}
{% macro content_id(expressions) -%}
    {%- set texts = [] -%}
    {%- for e in expressions -%}
        {%- do texts.append("coalesce(cast(" ~ e ~ " as " ~ dbt.type_string() ~ "), " ~ null_mark() ~ ")") -%}
    {%- endfor -%}
    {{ md5_hex("concat(" ~ texts | join(", chr(31), ") ~ ")") }}
{%- endmacro %}

{#- Text with outer blanks off; empty is absent (semantics E1). -#}
{% macro text_or_null(text) %}{{ return(adapter.dispatch('text_or_null', 'attribution')(text)) }}{% endmacro %}
{% macro default__text_or_null(text) %}nullif(trim({{ text }}, ' '), ''){% endmacro %}
{#- DuckDB's trim decodes each character of a text, ten times the cost of a look at its ends. Only a bare column is
    asked thrice: DuckDB would work out an expression anew each time. -#}
{% macro duckdb__text_or_null(text) -%}
    {%- if text.replace('_', '').replace('.', '').isalnum() -%}
    case when {{ text }} like ' %' or {{ text }} like '% ' then {{ default__text_or_null(text) }}
        else nullif({{ text }}, '') end
    {%- else -%}
    {{ default__text_or_null(text) }}
    {%- endif -%}
{%- endmacro %}
