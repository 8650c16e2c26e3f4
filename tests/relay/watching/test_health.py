from relay.formats import Codec
from relay.watching.health import INTERVAL_NS, LISTEN_NS, SOUNDING_NS, LegHealth
from relay.watching.watch import SILENCE_NS

SECOND = 1_000_000_000


def test_intervals_are_as_long_as_they_should_be_on_average() -> None:
    """Whoever asks does so when it suits him."""
    health = LegHealth("leg", trusted=False)
    asked = [health.is_due(round(turn * 1.3 * SECOND)) for turn in range(1000)]
    assert abs(sum(asked) - 1300 * SECOND / INTERVAL_NS) <= 1


def test_what_was_missed_is_not_made_up_for() -> None:
    health = LegHealth("leg", trusted=False)
    assert not health.is_due(0) and not health.is_due(INTERVAL_NS - 1)
    assert health.is_due(60 * SECOND)
    assert not health.is_due(61 * SECOND)
    assert health.is_due(60 * SECOND + INTERVAL_NS)


PCMU = Codec("PCMU", 8000)
LOUD, SILENT = bytes([0x20]) * 160, bytes([0xFF]) * 160


def test_who_has_sounded_is_listened_to_less_often_and_all_at_the_same_moments() -> None:
    for started in range(0, LISTEN_NS, LISTEN_NS // 7):
        health = LegHealth("leg", trusted=False)
        health.listen(LOUD, PCMU, started)
        assert health.next_listening == SOUNDING_NS
        health.listen(SILENT, PCMU, SOUNDING_NS + 7)
        assert health.next_listening == SOUNDING_NS + LISTEN_NS


def test_silence_is_no_alarm_before_its_time_whenever_it_began() -> None:
    """The last sound was just before a packet was listened to again."""
    health = LegHealth("leg", trusted=True)
    alarms: dict[str, int] = {}
    for now in range(0, 50 * SECOND, SECOND // 50):
        if now >= health.next_listening:
            health.listen(LOUD if now < 3.9 * SECOND else SILENT, PCMU, now)
        health.seen(now)
        alarms |= {alarm.alarm: now for alarm in health.check(now, True)}
    assert list(alarms) == ["silence"]
    assert 3.9 * SECOND + SILENCE_NS <= alarms["silence"] <= 3.9 * SECOND + SILENCE_NS + SOUNDING_NS + LISTEN_NS
