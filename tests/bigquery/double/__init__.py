"""A stand-in for BigQuery's REST API, for tests without Google Cloud (tests/bigquery/README.md).

SQL runs on ZetaSQL, Google's own analyser and reference evaluator, compiled to WebAssembly. What the stand-in cannot do
fails loudly. From the bottom up:

errors, protos, parse_tree, rules, engine: the evaluator and the dialect; schema, cells: types and values; tables,
warehouse: what is stored; session, reads, statement: one statement bound to its tables, and the record of what it read;
ddl, script: running statements; service, resources, jobs, load_jobs, server: the REST API.
"""
