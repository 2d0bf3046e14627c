{#- What spend brought (A3): roas, cpa and cac, each null where there is nothing to divide by or no spend is known.
    In whole units, so that both engines round alike. Reads the columns of earned_and_spent. -#}
{% macro returns() -%}
    {{ quotient(cents('revenue'), cents('spend'), 4) }} as roas,
    {{ quotient(cents('spend') ~ ' * 10000000', billionths('conversions'), 2) }} as cpa,
    {{ quotient(cents('spend') ~ ' * 10000000', billionths('new_customers'), 2) }} as cac
{%- endmacro %}

{#- number / by to so many places, half away from zero; both are wide whole numbers from 0 on. What passes every
    decimal (a fortune by a cent) is cut. -#}
{% macro quotient(number, by, places) -%}
    {%- set units = whole_quotient('2 * ' ~ number ~ ' * ' ~ 10 ** places ~ ' + ' ~ by, 'nullif(2 * ' ~ by ~ ', 0)') -%}
    {%- set most = '999999999999999999' -%}
    {{ decimals('case when ' ~ units ~ ' > ' ~ most ~ ' then ' ~ most ~ ' else ' ~ units ~ ' end', places) }}
{%- endmacro %}
