"""How far a model's geometry agrees with people's, how sure that is, and how far anybody could agree.

Pure functions on RDMs, judgments and matrices; numpy, scipy and scikit-learn only.
"""
