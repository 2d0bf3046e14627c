{#- The user's own rules (seed channel_rules) that come before the roll-up, lowest priority first. They are read while a
    model compiles: BigQuery has no join by pattern that keeps what matches nothing. -#}
{% macro custom_rules() %}
    {%- set seed = ref('channel_rules') -%}
    {#- a unit test's seed has no schema -#}
    {%- if not execute or not seed.schema or load_relation(seed) is none -%}{{ return([]) }}{%- endif -%}
    {%- set known = graph.setdefault('custom_rules', {}) -%}
    {%- if invocation_id not in known -%}
        {%- set rows = run_query(
            'select priority, source, medium, campaign, channel from ' ~ seed ~ ' order by priority'
        ).rows -%}
        {%- set numbers = rows | map(attribute='priority') | list -%}
        {%- if numbers | unique | list | length < numbers | length -%}
            {%- do exceptions.raise_compiler_error(
                'Seed channel_rules: two rules have one priority (' ~ numbers | join(', ') ~ '). Give each its own.'
            ) -%}
        {%- endif -%}
        {%- do known.update({invocation_id: rows}) -%}
    {%- endif -%}
    {{ return(known[invocation_id]) }}
{% endmacro %}

{#- `then` of the first custom rule that holds, 'channel' or 'priority', else `otherwise`. A rule's patterns match the
    whole text, case aside; one that it does not give matches anything. -#}
{% macro by_custom_rule(source, medium, campaign, then, otherwise) -%}
    {%- set texts = {
        'source': channel_text(source), 'medium': channel_text(medium), 'campaign': channel_text(campaign),
    } -%}
    {%- set rules = custom_rules() -%}
    {%- if not rules -%}{{ return(otherwise) }}{%- endif -%}
    case
        {%- for rule in rules %}
        when {% for column, text in texts.items() if rule[column] -%}
            {{ ' and ' if not loop.first }}{{ matches_text(text, '(?i)^(?:' ~ rule[column] ~ ')$') }}
        {%- endfor %} then {{ text_literal(rule[then] | string) }}
        {%- endfor %}
        else {{ otherwise }}
    end
{%- endmacro %}
