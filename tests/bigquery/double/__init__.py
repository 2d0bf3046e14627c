"""A stand-in for BigQuery's REST API, for tests without Google Cloud (docs: tests/bigquery/README.md).

SQL runs on ZetaSQL, Google's own analyser and reference evaluator, compiled to WebAssembly. What the stand-in cannot do
fails loudly. From the bottom up:

errors, parse_tree, wasm, language, engine: the evaluator; schema, cells, json_values: types and values;
tables, warehouse, metadata: what is stored; rules: what BigQuery refuses beyond ZetaSQL; statement, subqueries, reads:
one statement bound to its tables, and the record of what it read; script, control, queries, ddl, table_options, dml,
merge: running statements; faults, jobs, query_jobs, load_jobs, resources, rest, uploads, server: the REST API;
storage_write: the Storage Write API.
"""
