import pytest

from relay.errors import RtcpError
from relay.streams import rtcp
from relay.streams.rtcp import Description, Goodbye, ReceptionReport, Report, SenderInfo

BLOCK = ReceptionReport(7, 12, -3, 70000, 55, 0x12345678, 65536)
SENDER = Report(1, SenderInfo(rtcp.ntp_time(1_700_000_000.5), 160, 10, 1600), (BLOCK,))
COMPOUND = SENDER.serialize() + Description(1, "name").serialize() + Goodbye((1, 2)).serialize()


def test_a_compound_is_read_as_it_was_written() -> None:
    assert rtcp.parse(COMPOUND) == (SENDER, Goodbye((1, 2)))
    assert rtcp.parse(Report(1).serialize()) == (Report(1),)


@pytest.mark.parametrize("lost", [-0x800000, -1, 0, 1, 0x7FFFFF])
def test_cumulative_loss_has_a_sign(lost: int) -> None:
    report = Report(1, None, (ReceptionReport(7, 0, lost),))
    assert rtcp.parse(report.serialize()) == (report,)


def test_figures_that_outgrow_their_fields_are_cut_to_them() -> None:
    """A sender report may be a day old: its age in 65536ths of a second has 18 hours of room."""
    report = Report(1, None, (ReceptionReport(7, jitter=1 << 40, delay_since_last_sr=86400 * 65536),))
    ((_, block),) = ((one.ssrc, one.blocks[0]) for one in rtcp.parse(report.serialize()) if isinstance(one, Report))
    assert (block.jitter, block.delay_since_last_sr) == (0xFFFFFFFF, 0xFFFFFFFF)


@pytest.mark.parametrize("length", range(len(COMPOUND)))
def test_a_cut_compound_is_an_error_or_whole_packets(length: int) -> None:
    try:
        packets = rtcp.parse(COMPOUND[:length])
    except RtcpError:
        return
    assert packets == (SENDER,)


def test_unknown_types_are_skipped_and_padding_is_taken_off() -> None:
    unknown = b"\x81\xcd\x00\x02" + bytes(8)
    padded = b"\xa1\xcb\x00\x02" + b"\0\0\0\x05" + b"\0\0\0\x04"
    assert rtcp.parse(unknown + padded) == (Goodbye((5,)),)


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 8, b"\x81\xcb\x00\x00", b"\xa0\xcb\x00\x01\0\0\0\x09", b"\x9f\xc9\x00\x01\0\0\0\x01"]
)
def test_what_is_malformed_is_refused(data: bytes) -> None:
    with pytest.raises(RtcpError):
        rtcp.parse(data)


def test_ntp_time_counts_from_1900() -> None:
    assert rtcp.ntp_time(0.5) == (2_208_988_800 << 32) + (1 << 31)
    assert rtcp.middle(0x1234_5678_9ABC_DEF0) == 0x5678_9ABC


def test_names_fill_whole_words() -> None:
    for length in range(9):
        assert len(Description(1, "n" * length).serialize()) % 4 == 0
