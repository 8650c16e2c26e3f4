import gc

from signaling.node.garbage import THRESHOLDS, settle


def test_what_there_is_stays_out_of_the_collections() -> None:
    before, enabled = gc.get_threshold(), gc.isenabled()
    try:
        settle()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() == THRESHOLDS and gc.isenabled() is enabled
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
