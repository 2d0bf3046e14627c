{#- model_fits: what the data-driven models weigh each channel by (docs/semantics.md T7). One row a fit, model and
    channel; weight in billionths. Beside dbt's tables and append-only: include/data_driven/ adds a fit, no rebuild
    takes one away. Made here and not by a model, as the journal is. -#}
{% macro fits() %}
    {{- return(api.Relation.create(database=target.database, schema=target.schema, identifier='model_fits')) -}}
{% endmacro %}

{% macro create_fits() %}
    {%- if execute and adapter.get_relation(fits().database, fits().schema, fits().identifier) is none -%}
        {%- set text, whole = dbt.type_string(), dbt.type_bigint() %}
        create table if not exists {{ fits() }} (
            fit_id {{ text }}, model {{ text }}, channel {{ text }}, weight {{ whole }}, effect {{ type_double() }},
            standard_error {{ type_double() }}, fitted_at {{ dbt.type_timestamp() }}, effective_from date,
            journeys {{ whole }}, conversions {{ whole }}, markov_order {{ whole }}, seed {{ whole }}
        );
    {%- endif -%}
{% endmacro %}

{#- Which conversions a fit weighs: those from its effective_from up to the next one's; the first fit those before it
    too. Of two that begin on one day the later holds. -#}
{% macro fit_periods() -%}
    {%- set by_age = 'over (partition by f.model order by f.effective_from, f.fitted_at, f.fit_id)' %}
    select
        f.model, f.fit_id,
        case when row_number() {{ by_age }} = 1 then cast('0001-01-01' as date) else f.effective_from end as from_date,
        coalesce(lead(f.effective_from) {{ by_age }}, cast('9999-12-31' as date)) as until_date
    from (select distinct model, fit_id, effective_from, fitted_at from {{ fits() }}) as f
{%- endmacro %}

{#- A touchpoint's weight under a data-driven model: its channel's, shared by the channel's touches, in whole
    billionths. Alike for all touches where the fit does not know a channel of theirs or weighs them all 0.
    Reads channel_weight and channel_touches (how many of the conversion's touches are of the channel). -#}
{% macro fitted_weight() -%}
    {%- set share = whole_quotient('channel_weight', 'channel_touches') -%}
    case
        when min(coalesce(channel_weight, -1)) over (partition by conversion_id, model) < 0
            or max({{ share }}) over (partition by conversion_id, model) = 0 then 1
        else {{ share }}
    end
{%- endmacro %}
