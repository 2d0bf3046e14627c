"""Streaming into BigQuery (docs/bigquery_streaming.md)."""
