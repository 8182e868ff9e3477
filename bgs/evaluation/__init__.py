"""How far a model's geometry agrees with people's, how sure that is, and how far anybody could agree.

Pure functions on RDMs, judgments and matrices; numpy, scipy and scikit-learn only. Each module opens with the
conventions of its numbers:

| question | module |
|---|---|
| do distances agree? | `rsa`, `correlation`, `kendall`, `geometry` |
| is the odd one out the same? | `odd_one_out`, `calibration` |
| how well could anybody do? | `ceilings`, `triplet_ceilings` |
| how sure is that? | `bootstrap`, `intervals`, `participants`, `permutation`, `robustness` |
| the same for many models at once | `resampled`, `relabelling`, `running_ranks` |
| which model is better? | `leaderboard`, `layers` |
| what does it know that others do not? | `variance`, `probes`, `axes`, `retention` |
| all of it for results.json, or elsewhere | `scorecard`, `interop` |
"""
