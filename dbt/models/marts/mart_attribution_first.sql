-- One row a conversion: first click, the earliest touchpoint of the window, direct or not.
{{ config(meta={'replaces': 'person_id', 'logs': 'conversion_date', 'also': 'stale_lookback'}) }}
{{ single_touch('position') }}
