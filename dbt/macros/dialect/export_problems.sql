{#- BigQuery: which tables of the export cannot be read and why (semantics E4), by their columns; include/landing.py has
    the rule for files. One row a table: shard, problem. -#}
{% macro export_problems() -%}
    (
        select
            f.shard,
            array_agg(
                case when f.found is null then 'wrong_type: column ' || f.path || ' is missing'
                    else 'wrong_type: ' || f.path || ' is ' || regexp_extract(f.found, r'^(?:ARRAY<)?[A-Z0-9]+')
                        || ', not ' || rtrim(f.wanted, '<') end
                || '; export the table again with GA4\'s own schema'
                order by f.place limit 1
            )[offset(0)] as problem
        from (
            select t.shard, e.place, e.path, e.wanted, e.required, max(c.data_type) as found
            from (
                select distinct table_name as shard from {{ export_schema() }}
                where regexp_contains(table_name, r'^events_(fresh_|intraday_)?[0-9]{8}$')
            ) as t
            cross join unnest([
                {%- for field in export_paths() %}
                struct({{ loop.index }} as place, '{{ field.path }}' as path, '{{ field.wanted }}' as wanted,
                    {{ field.required }} as required){{ ',' if not loop.last }}
                {%- endfor %}
            ]) as e
            left join {{ export_schema() }} as c on c.table_name = t.shard and lower(c.field_path) = e.path
            group by t.shard, e.place, e.path, e.wanted, e.required
        ) as f
        where case
            when f.found is null then f.required
            when f.wanted = 'FLOAT64' then not regexp_contains(f.found, '^(FLOAT64|INT64|NUMERIC|BIGNUMERIC)')
            else not starts_with(f.found, f.wanted)
        end
        group by f.shard
    )
{%- endmacro %}

{% macro export_schema() -%}
    {{- return('`' ~ env_var('GA4_DATASET', '') ~ '.INFORMATION_SCHEMA.COLUMN_FIELD_PATHS`') -}}
{%- endmacro %}
