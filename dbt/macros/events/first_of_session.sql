{#- A CTE first_<name>: the columns of each session's first event, in order E2, that meets the condition. -#}
{% macro first_of_session(name, condition, columns) -%}
first_{{ name }} as (
    select person_id, session_number, {{ columns | join(', ') }}
    from numbered
    where {{ condition }}
    qualify row_number() over (partition by person_id, session_number order by {{ event_order() }}) = 1
)
{%- endmacro %}
