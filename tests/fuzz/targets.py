"""The targets by name: what is in `fuzz_<name>.py`."""

from pathlib import Path

TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in Path(__file__).parent.glob("fuzz_*.py"))
SIP = (
    "sip_agent", "sip_register", "sip_websocket", "sip_stream", "sip_message", "sip_headers", "sip_body", "sip_digits",
    "sip_digest", "sip_redaction", "names", "caller_id", "dialled", "sdp",
)  # fmt: skip
"""Those of what a SIP peer, or a DNS server on the way to one, can send: `make test` runs each for 20 s."""
