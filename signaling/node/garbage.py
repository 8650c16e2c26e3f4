"""The garbage collector, set for a process of many short calls: a collection of everything would be heard as a pause in
every answer."""

import gc

THRESHOLDS = (10_000, 5, 4)
"""Young objects before they are looked at, and how often younger ones are before older ones: the parts of a call know
each other, and what some thousand calls have left behind is collected together, in some milliseconds."""


def settle() -> None:
    """What there is now stays as long as the process, and is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
