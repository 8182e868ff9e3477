"""Abstract social scenes: simulate them, read them, measure them, render them to clips.

`scene` holds a scene; `behaviours`, `steering`, `worlds`, `errands` and `physics` make new ones, `phase` and
`phase_set` read PHASE and what people said about it. `latents` and `marginals` measure what the agents do.
`looks` (named) and `appearance` (random) say how a scene is drawn, `render` draws it and `regions` says where
everything is. `participants` and `captions` simulate what people would say, and `demo` puts a data set together.
"""
