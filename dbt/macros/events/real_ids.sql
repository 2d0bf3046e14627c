{#- Ids as they count (semantics I1, C1): what a sender writes where it has none is none. The event key holds them
    as they were sent (E1). include/ignored_ids.py says the same for what is not staged. -#}

{#- A user id; null where ignored_user_ids lists it. -#}
{% macro real_user(text) %}{{ return(unless_listed(text, var('ignored_user_ids'))) }}{% endmacro %}

{#- An order id, a numeral without a fraction of zeros: 1001 for 1001.0; null where ignored_order_ids lists it. -#}
{% macro real_order(text) -%}
    {%- set whole = 'coalesce(' ~ regexp_first(text, '^([0-9]+)[.]0+$') ~ ', ' ~ text ~ ')' -%}
    {{- return(unless_listed(whole, var('ignored_order_ids'))) -}}
{%- endmacro %}

{#- Not by IN, which DuckDB makes a join of all columns. -#}
{% macro unless_listed(text, listed) -%}
    {%- set branches = [] -%}
    {%- for one in listed -%}
        {%- do branches.append('when ' ~ text_literal(one | trim | lower) ~ ' then null') -%}
    {%- endfor -%}
    {{- return('case lower(' ~ text ~ ') ' ~ branches | join(' ') ~ ' else ' ~ text ~ ' end' if branches else text) -}}
{%- endmacro %}
