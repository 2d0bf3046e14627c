{#- The channels of the distinct source, medium and campaign of a query, none of them null, as the CTE `channels`:
    channel_group, channel and channel_rule, which says by what rule: `ga4: ` and the group, or `custom ` and the
    priority. Usage: {{ channel_ctes('select source, medium, campaign from sourced') }} -#}
{% macro channel_ctes(triples) -%}
channel_groups as (
    select
        source, medium, campaign,
        {{ get_channel_group('source', 'medium', 'campaign') }} as channel_group,
        {{ by_custom_rule('source', 'medium', 'campaign', 'channel', 'cast(null as ' ~ dbt.type_string() ~ ')') }}
            as custom_channel,
        {{ by_custom_rule('source', 'medium', 'campaign', 'priority', 'cast(null as ' ~ dbt.type_string() ~ ')') }}
            as custom_priority
    from (select distinct t.source, t.medium, t.campaign from ({{ triples }}) as t) as c
),

channels as (
    select
        source, medium, campaign, channel_group,
        coalesce(custom_channel, {{ roll_up_channel('channel_group', 'medium') }}) as channel,
        coalesce('custom ' || custom_priority, 'ga4: ' || channel_group) as channel_rule
    from channel_groups
)
{%- endmacro %}
