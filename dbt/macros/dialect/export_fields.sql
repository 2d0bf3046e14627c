{#- What staging reads of an export table on BigQuery, where a wildcard has the columns of the table made last: a field
    that one lacks (intraday tables, older schemas) is an unknown name there, so it is asked for only where it is. -#}
{% macro export_fields() %}
    {%- set text, whole, number = 'string', 'int64', 'float64' -%}
    {%- set campaign = {'source': text, 'medium': text, 'campaign_name': text} -%}
    {{- return({
        'event_timestamp': whole, 'event_name': text,
        'event_params': 'array<struct<key string, value struct<string_value string, int_value int64,'
            ~ ' float_value float64, double_value float64>>>',
        'event_value_in_usd': number, 'event_bundle_sequence_id': whole,
        'user_id': text, 'user_pseudo_id': text, 'device': {'category': text},
        'ecommerce': {
            'purchase_revenue_in_usd': number, 'purchase_revenue': number,
            'refund_value_in_usd': number, 'refund_value': number, 'transaction_id': text,
            'shipping_value_in_usd': number, 'shipping_value': number, 'tax_value_in_usd': number, 'tax_value': number,
        },
        'collected_traffic_source': {
            'manual_source': text, 'manual_medium': text, 'manual_campaign_name': text,
            'gclid': text, 'dclid': text, 'srsltid': text,
        },
        'session_traffic_source_last_click': {
            'manual_campaign': campaign, 'cross_channel_campaign': campaign,
            'google_ads_campaign': {'campaign_name': text},
        },
        'items': [{
            'item_id': text, 'item_name': text, 'item_brand': text, 'item_variant': text, 'item_category': text,
            'quantity': whole, 'item_revenue_in_usd': number, 'item_revenue': number, 'price_in_usd': number,
            'price': number,
        }],
        'batch_event_index': whole, 'batch_page_id': whole, 'batch_ordering_id': whole,
    }) -}}
{% endmacro %}
