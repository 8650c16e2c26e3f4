import pytest

from relay.engine import EngineReport
from relay.streams.rtcp import ReceptionReport
from relay.watching.quality import Incoming, Outgoing, Total

SECOND = 1_000_000_000


def heard(received: int, lost: int = 0, late: int = 0, jitter_ms: float = 1.0) -> EngineReport:
    return EngineReport(received, lost, late, jitter_ms=jitter_ms, delay_ms=4.0)


def test_each_interval_is_judged_alone_and_the_call_by_its_mean() -> None:
    incoming = Incoming()
    good = incoming.measure(heard(250), (0, 0), 30.0)
    assert good is not None
    assert (good.packets, good.lost, good.round_trip_ms) == (250, 0, 30.0)
    assert good.mos > 4.3
    bad = incoming.measure(heard(450, 50), (50, 50), 30.0)
    assert bad is not None
    assert (bad.packets, bad.lost) == (250, 50)
    assert bad.mos < 2.8
    assert incoming.measure(heard(450, 50), (50, 50), 30.0) is None
    whole = incoming.total.flow()
    assert whole is not None
    assert (whole.packets, whole.lost, whole.mos_least) == (500, 50, bad.mos)
    assert whole.mos == pytest.approx((good.mos + bad.mos) / 2, abs=0.01)


def test_losses_in_a_row_are_worse_than_the_same_apart() -> None:
    apart, bursts = (Incoming().measure(heard(240, 10), runs, None) for runs in ((10, 10), (1, 10)))
    assert apart is not None and bursts is not None
    assert bursts.mos < apart.mos


def test_what_comes_too_late_is_lost_and_what_comes_after_all_is_not() -> None:
    incoming = Incoming()
    first = incoming.measure(heard(240, 10, 5), (1, 10), None)
    assert first is not None
    assert first.lost == 15
    second = incoming.measure(heard(500, 0, 5), (1, 10), None)
    assert second is not None
    assert (second.packets, second.lost) == (260, 0)


def test_nothing_measured_is_no_flow() -> None:
    assert Total().flow() is None


class Peer:
    """Reports of a peer each 5 s, of which 250 packets are sent in between."""

    def __init__(self, trusted: bool = False) -> None:
        self.outgoing = Outgoing(trusted)
        self.sent = self.highest = self.lost = 0
        self.now = 0

    def report(self, received: int | None, lost: int = 0, trip_ms: float | None = None) -> None:
        """`received`: None: a report that says nothing of us. `trip_ms`: there and back."""
        self.sent += 250
        self.now += 5 * SECOND
        quoted = delay = 0
        if trip_ms is not None:
            quoted, delay = self.sent, 65536
            self.outgoing.reported(quoted, int(self.now - SECOND - trip_ms * 1e6))
        block = None
        if received is not None:
            self.highest += received + lost
            self.lost += lost
            block = ReceptionReport(1, 0, self.lost, self.highest, 80, quoted, delay)
        self.outgoing.take(block, self.sent, 8000, self.now)


def test_the_peers_reports_say_how_we_are_received() -> None:
    peer = Peer()
    peer.report(250)
    first = peer.outgoing.latest()
    assert first is not None
    assert (first.packets, first.lost, first.jitter_ms, first.round_trip_ms) == (250, 0, 10.0, None)
    assert peer.outgoing.latest() is None
    peer.report(200, 50, 80.0)
    second = peer.outgoing.latest()
    assert second is not None
    assert (second.packets, second.lost, second.round_trip_ms) == (250, 50, 80.0)
    assert second.mos < first.mos
    whole = peer.outgoing.total.flow()
    assert whole is not None
    assert (whole.packets, whole.lost, whole.mos_least) == (500, 50, second.mos)


def test_a_quotation_of_what_was_never_sent_is_not_believed() -> None:
    peer = Peer()
    peer.outgoing.take(ReceptionReport(1, last_sr=99, delay_since_last_sr=7), 250, 8000, SECOND)
    assert peer.outgoing.round_trip_ms is None
    peer.outgoing.reported(99, SECOND)
    peer.outgoing.take(ReceptionReport(1, last_sr=99, delay_since_last_sr=1 << 31), 250, 8000, 2 * SECOND)
    assert peer.outgoing.round_trip_ms is None


def test_a_peer_that_makes_no_progress_does_not_receive_us() -> None:
    peer = Peer()
    peer.report(250)
    assert peer.outgoing.heard
    peer.report(0)
    assert peer.outgoing.heard
    peer.report(0)
    assert peer.outgoing.heard is False
    peer.report(250)
    assert peer.outgoing.heard


@pytest.mark.parametrize(("trusted", "heard"), [(True, False), (False, None)])
def test_reports_without_a_word_of_us_count_where_they_are_to_be_trusted(trusted: bool, heard: bool | None) -> None:
    peer = Peer(trusted)
    for _ in range(4):
        peer.report(None)
    assert peer.outgoing.heard is heard
    peer.report(250)
    assert peer.outgoing.heard
    for _ in range(2):
        peer.report(None)
    assert peer.outgoing.heard is False


def test_a_peer_that_counts_from_somewhere_else_is_not_measured_over_the_leap() -> None:
    peer = Peer()
    peer.report(250)
    peer.highest += 1 << 20
    peer.outgoing.latest()
    peer.report(250)
    assert peer.outgoing.latest() is None
    peer.report(250)
    assert peer.outgoing.latest() is not None
