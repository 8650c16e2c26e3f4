"""SIP without I/O: bytes, flows and the time in; bytes, events and the next deadline out.

From the wire up: `grammar`, `uri`, `headers` (a file a family), `message`, `multipart`, `bodies`, `framing`; then
`envelope` (what every message must carry), `table` and `transactions` (RFC 3261 §17, RFC 6026), `dialog`, `session`
with `inbound` and `outbound` and its parts (`offers`, `reliable`, `early`, `session_timer`, `transfers`, `digits`), and
`agent`, which is what the rest of the programme uses."""
