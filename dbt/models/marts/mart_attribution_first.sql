-- One row a conversion: first click, the earliest touchpoint of the window, direct or not.
{{ config(
    meta={
        'replaces': 'person_id', 'at': 'conversion_date',
        'starts_if': 'first_event_moved', 'also': 'stale_lookback', 'then': 'remember_first_event',
    },
    partition_by={'field': 'conversion_date', 'data_type': 'date'},
) }}
{{ single_touch('position') }}
