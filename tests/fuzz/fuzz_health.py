"""Whatever a peer reports, a leg's quality stays within its bounds and its alarms come and go in turn.

An input is a row of RTCP compounds, cut at NUL NUL NUL NUL NUL; each comes a second after the one before."""

from relay.api import Flow
from relay.engine import EngineReport
from relay.errors import RtcpError
from relay.streams import rtcp
from relay.streams.rtcp import Goodbye, ReceptionReport, Report, SenderInfo
from relay.watching.health import LegHealth

SECOND = 1_000_000_000
CUT = bytes(5)
OURS = 9


def _told(highest: int, lost: int, last_sr: int = 0, delay: int = 0) -> bytes:
    return Report(1, None, (ReceptionReport(OURS, 0, lost, highest, 80, last_sr, delay),)).serialize()


SEEDS: list[bytes] = [
    CUT.join([_told(100, 0), _told(150, 5), _told(150, 5), _told(150, 5), Goodbye((1,)).serialize()]),
    CUT.join([_told(1, -1), _told(0xFFFFFFFF, 0x7FFFFF), _told(3, 1)]),
    CUT.join([_told(100, 0, at, 65536 * 2) for at in range(3, 9)]),
    Report(1, SenderInfo(1, 2, 3, 4), ()).serialize(),
]


def one_input(data: bytes) -> None:
    for trusted in (True, False):
        _run(data.split(CUT)[:30], trusted)


def _run(compounds: list[bytes], trusted: bool) -> None:
    health = LegHealth("leg", trusted)
    raised = None
    for number, compound in enumerate(compounds):
        now, sent = number * SECOND, number * 50
        health.reported(number, now)
        try:
            health.reports(rtcp.parse(compound), (OURS, sent, 8000), now)
        except RtcpError:
            continue
        for alarm in health.check(now, True):
            assert (raised is None) == alarm.on
            assert alarm.on or alarm.alarm == raised
            raised = alarm.alarm if alarm.on else None
        quality = health.measure(EngineReport(packets_received=sent), (0, 0))
        for flow in (quality.received, quality.sent) if quality is not None else ():
            _check(flow)
    for flow in health.summary():
        _check(flow)


def _check(flow: Flow | None) -> None:
    if flow is not None:
        assert 0 <= flow.lost <= flow.packets
        assert 1.0 <= flow.mos_least <= flow.mos <= 4.5
        assert flow.round_trip_ms is None or flow.round_trip_ms >= 0


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
