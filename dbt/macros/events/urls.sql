{#- Parts of URLs (semantics S2). Both engines use RE2, so one pattern serves both. -#}

{#- The query string: between the first ? and any #. -#}
{% macro query_string(url) -%}
    case when {{ url }} like '%?%' then {{ regexp_first(url, '^[^?#]*[?]([^#]*)') }} end
{%- endmacro %}

{#- The decoded value of the exact parameter name in a query string; anchored, so that id does not match in gclid. -#}
{% macro query_param(query, name) -%}
    case when {{ query }} like '%{{ name }}=%'
        then {{ text_or_null(url_decode(regexp_first(query, '(?:^|&)' ~ name ~ '=([^&]*)'))) }} end
{%- endmacro %}

{#- The host of a URL as semantics S2 writes it: lower case, without port, user, leading www. or trailing dot. -#}
{% macro url_host(url) %}{{ tidy_host(url_authority(url)) }}{% endmacro %}

{#- The host that a source field names, bare or as a URL. -#}
{% macro source_host(source) -%}
    {%- set whole = regexp_first(source, '^(?:(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//)?(?:[^/?#@]*@)?([^/?#:]+)') -%}
    {{ tidy_host('case when ' ~ matches(source, '[/:@?#]') ~ ' then ' ~ whole ~ ' else ' ~ source ~ ' end') }}
{%- endmacro %}

{% macro tidy_host(host) %}nullif({{ without('lower(' ~ host ~ ')', '^www[.]|[.]+$') }}, ''){% endmacro %}

{#- One host equals the other or lies under it. -#}
{% macro is_under(host, domain) -%}
    ({{ host }} = {{ domain }} or ends_with({{ host }}, '.' || {{ domain }}))
{%- endmacro %}

{#- The domains whose referrals are no evidence: var own_domains, OWN_DOMAINS and the payment gateways (S4). -#}
{% macro excluded_referrers() %}
    {%- set named = home_setting('OWN_DOMAINS').split(',') -%}
    {%- set domains = var('own_domains') + named + var('referral_exclusions') -%}
    {{ return(domains | map('trim') | map('lower') | reject('equalto', '') | unique | list) }}
{% endmacro %}

{% macro is_excluded_referrer(host) -%}
    {%- set domains = excluded_referrers() | map('replace', '.', '[.]') | join('|') -%}
    {{ matches(host, '(^|[.])(' ~ domains ~ ')$') if domains else 'false' }}
{%- endmacro %}
