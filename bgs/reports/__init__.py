"""Results to look at: a terminal table, figures for a paper, one self-contained page.

A `RunRecord` (record.py) is what a run left in its folder. `geometry` and `summary` turn it into
orders, maps, rows and sentences; `figures` draws them on a `canvas`; `page` puts them together.
"""
