"""Where rooms meet: a config, a command or a call from Python becomes a run.

Each module is one thing a user does (`fit`, `score`, `embed`, `demo`, ...) and says how judgments, clips,
a backbone, an objective and the scores are put together. Nothing below this package knows more than
its own room.
"""
