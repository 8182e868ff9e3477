"""What a social encoder knows, and a minimal bridge from it to a language model.

`example` holds what is asked about a picture, `tasks` the five questions, one module a data set reads it as
downloaded, `twins` makes a tiny simulated one in the same layout, `metrics` scores the answers.
"""
