"""What this project costs beside the least it could cost: `python -m benchmarks`; docs/performance.md explains."""
