import itertools

import pytest

from signaling.center.resources import Tenant
from signaling.center.segments import (
    TRANSITIONS,
    Input,
    NotNow,
    RecordingType,
    SecurePause,
    Segment,
    SegmentState,
    recording_key,
    type_of,
)

STATES: tuple[SegmentState, ...] = ("recording", "suspended", "stopped")
WAYS = list(itertools.product(STATES, Input))


@pytest.mark.parametrize(("state", "input"), WAYS)
def test_what_the_table_has_not_is_refused_and_changes_nothing(state: SegmentState, input: Input) -> None:
    segment = Segment("0" * 32, "k", "AGENT", frozenset({"Agent"}), state)
    following = TRANSITIONS.get((state, input))
    if following is not None:
        segment.step(input)
        assert segment.state == following
        return
    with pytest.raises(NotNow) as refused:
        segment.step(input)
    assert (segment.state, refused.value.state) == (state, state)


def test_nothing_leads_out_of_stopped() -> None:
    assert not [way for way in TRANSITIONS if way[0] == "stopped"]


def test_a_secure_pause_ends_with_its_last_digit_or_a_pound() -> None:
    pause: SecurePause | None = SecurePause(digits=3)
    for entered, digit in enumerate("42", 1):
        assert pause is not None
        pause = pause.pressed(digit)
        assert pause is not None and pause.entered == entered
    assert pause is not None and pause.pressed("1") is None
    assert SecurePause(digits=16, pound=True).pressed("#") is None
    assert SecurePause().pressed("#") == SecurePause(entered=1)


@pytest.mark.parametrize(("type", "folder"), [("AGENT", "CallRecordings"), ("IVR", "CallRecordings/ivr")])
def test_a_key_says_which_kind_of_segment_it_is_of(type: RecordingType, folder: str) -> None:
    key = recording_key(Tenant("1", "i", "acme"), "c-1", 1_795_435_200.0, type)
    assert key == f"connect/acme/{folder}/2026/11/23/c-1_20261123T12:00_UTC"
    assert type_of(key) == type
