"""Abstract social scenes: simulate them, read them, measure them, render them to clips.

`scene` holds a scene, `behaviours`, `steering` and `physics` make new ones, `phase` reads existing ones,
`latents` measures what the agents do to each other, `appearance` and `render` show it, `participants`
and `captions` simulate what people would say about it, and `demo` puts a data set together.
"""
