"""What a call came to, for programs and for people. Pure."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["answered", "rejected", "no answer", "unreachable", "cancelled", "media failed", "failed", "calling"]


@dataclass(frozen=True)
class Report:
    """Times in seconds or as the name says; what is None did not happen or is not known."""

    number: str
    server: str
    outcome: Outcome
    status: int | None = None
    """The final SIP status."""
    reason: str = ""
    ringing_ms: float | None = None
    """From INVITE to 180."""
    answered_ms: float | None = None
    """From INVITE to 200."""
    seconds: float = 0.0
    """From 200 to the end."""
    ended_by: Literal["us", "peer"] | None = None
    codec: str = ""
    encrypted: bool = False
    packets_sent: int = 0
    packets_received: int = 0
    packets_lost: int = 0
    packets_duplicated: int = 0
    packets_reordered: int = 0
    packets_discarded: int = 0
    """Malformed, not authentic, or not negotiated."""
    jitter_ms: float = 0.0
    """Interarrival jitter at the end (RFC 3550 §6.4.1)."""
    max_jitter_ms: float = 0.0
    largest_gap_ms: float = 0.0
    """Longest time without a packet."""
    late_frames: int = 0
    """Frames that this machine was too busy to send."""
    peer_lost: int | None = None
    """What the peer's RTCP told of our packets."""
    peer_jitter_ms: float | None = None
    digits_sent: str = ""
    digits_received: str = ""
    recorded_to: str | None = None

    @property
    def loss_percent(self) -> float:
        expected = self.packets_received + self.packets_lost
        return 100.0 * self.packets_lost / expected if expected else 0.0

    def as_json(self) -> str:
        values = dataclasses.asdict(self) | {"loss_percent": self.loss_percent}
        return json.dumps(
            {name: round(value, 3) if isinstance(value, float) else value for name, value in values.items()}
        )

    def lines(self) -> list[tuple[str, str]]:
        """Label and text of each line for people."""
        rows = [("Call", self._describe_outcome())]
        if self.answered_ms is not None:
            ringing = "" if self.ringing_ms is None else f"180 after {self.ringing_ms:.0f} ms, "
            rows.append(("Set-up", f"{ringing}200 after {self.answered_ms:.0f} ms"))
            rows.append(("Media", f"{self.codec}, {'SRTP (SDES)' if self.encrypted else 'RTP, not encrypted'}"))
            rows += self._describe_packets()
        if self.digits_sent or self.digits_received:
            rows.append(("Digits", f"sent {self.digits_sent or '–'}, received {self.digits_received or '–'}"))
        if self.recorded_to is not None:
            rows.append(("Recorded", self.recorded_to))
        return rows

    def _describe_outcome(self) -> str:
        if self.outcome != "answered":
            return f"{self.outcome}: {self.status} {self.reason}" if self.status else self.outcome
        by = {"us": "we hung up", "peer": "the other side hung up", None: "cut off"}[self.ended_by]
        return f"{self.seconds:.1f} s to {self.number} at {self.server}; {by}"

    def _describe_packets(self) -> list[tuple[str, str]]:
        received = (
            f"{self.packets_received} packets, {self.packets_lost} lost ({self.loss_percent:.2f} %), "
            f"jitter {self.jitter_ms:.1f} ms (at most {self.max_jitter_ms:.1f}), "
            f"largest gap {self.largest_gap_ms:.0f} ms"
        )
        odd = [
            f"{count} {word}"
            for count, word in (
                (self.packets_duplicated, "twice"),
                (self.packets_reordered, "out of order"),
                (self.packets_discarded, "not usable"),
            )
            if count
        ]
        sent = f"{self.packets_sent} packets"
        if self.peer_lost is not None:
            sent += f", {self.peer_lost} lost as the other side tells"
        if self.late_frames:
            sent += f"; {self.late_frames} not sent: this machine was too busy"
        return [("Sent", sent), ("Received", ", ".join([received, *odd]))]
