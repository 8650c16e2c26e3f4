from relay.playout.copies import LOSSES, WITHIN_MS, CopyWatch

CLOCK = 48_000
SECOND = CLOCK


def watch(losses: int, copied: bool = True) -> CopyWatch:
    made = CopyWatch(CLOCK)
    if copied:
        made.copy(960, SECOND)
    for number in range(losses):
        made.loss(SECOND + number * 960)
    return made


def test_copies_are_waited_for_while_packets_are_lost() -> None:
    assert watch(LOSSES).wait(2 * SECOND) == 960
    assert watch(LOSSES - 1).wait(2 * SECOND) == 0
    assert watch(LOSSES, copied=False).wait(2 * SECOND) == 0


def test_and_no_longer_than_that() -> None:
    made = watch(LOSSES)
    assert made.wait(WITHIN_MS * 48 + SECOND - 1) == 960
    made.copy(960, WITHIN_MS * 48)
    assert made.wait(WITHIN_MS * 48 + 2 * SECOND) == 0
