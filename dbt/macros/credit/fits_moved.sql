{#- One row where a fit came, or went, since this model was last built. -#}
{% macro fits_moved() -%}
    select o.key from (select 1 as key) as o where {{ fits_now() }} is distinct from {{ fits_built_with() }}
{%- endmacro %}
{% macro fits_now() -%}
    (select cast(count(*) as {{ dbt.type_string() }}) || ' to ' || coalesce(max(n.fit_id), '') from {{ fits() }} as n)
{%- endmacro %}
{% macro fits_built_with(column='version') -%}
    (
        select b.{{ column }} from {{ journal() }} as b
        where b.entry = 'fits' and b.model = '{{ this.identifier }}' order by b.seq desc limit 1
    )
{%- endmacro %}

{#- After a model whose rows follow from the fits. -#}
{% macro remember_fits() %}
    insert into {{ journal() }} (entry, model, version, seq)
    select 'fits', '{{ this.identifier }}', {{ fits_now() }}, coalesce({{ fits_built_with('seq') }}, 0) + 1
    from (select 1 as key) as o
    where {{ fits_now() }} is distinct from {{ fits_built_with() }}
{% endmacro %}
