import msgspec
from prometheus_client import CollectorRegistry

from recorder.api import RecordingStatus
from signaling.recordings.recording_states import RecordingStates

BASE = RecordingStatus("1" * 32, "account", "instance", "contact", "key", "recording", {"recording": 1.0})


def status(number: int, **changes: object) -> RecordingStatus:
    return msgspec.structs.replace(BASE, recording=f"{number:032x}", **changes)


def told(states: RecordingStates) -> dict[str, float]:
    """What is not 0."""
    registry = CollectorRegistry()
    registry.register(states)
    return {
        f"{sample.name.removeprefix('telephonist_recordings_')} {' '.join(sample.labels.values())}": sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.value
    }


def test_every_state_and_cause_is_counted() -> None:
    states = RecordingStates()
    states.see(status(1))
    states.see(status(2, state="sealed", reason="No space left on device"))
    states.see(status(3, state="quarantined", cause="damaged", reason="segment 0: frame 3 is damaged"))
    states.see(status(4, state="quarantined", cause="key"))
    assert told(states) == {
        "in_state recording": 1, "in_state sealed": 1, "waiting sealed": 1,
        "quarantined damaged": 1, "quarantined key": 1,
    }  # fmt: skip
    states.see(status(2, state="released"))
    states.see(status(3, state="sealed"))
    states.forget(status(4).recording)
    assert told(states) == {"in_state recording": 1, "in_state sealed": 1}
    states.see_all([status(5, state="uploaded")])
    assert told(states) == {"in_state uploaded": 1}


def test_what_is_deleted_and_still_on_its_way_stays() -> None:
    states = RecordingStates()
    states.see(status(1, state="uploaded"))
    states.forget(status(1).recording)
    states.forget("unknown")
    assert told(states) == {"in_state uploaded": 1}
