"""Our local stack beside other chat servers on one machine: the same load in turn, in the same minutes.

`make compare` runs it (docs/compare.md). It owns the peers, which it installs under .local/compare, and their clients;
what the cells measure is perf/benchmarks.py, for all of them the same.
"""
