"""Compares the local stack with other chat servers on one machine: the same load in alternation.

`make compare` runs it (docs/compare.md). It installs the peers under .local/compare and provides their clients; the
benchmarks are those of perf/running/benchmarks.py for all servers.
"""
