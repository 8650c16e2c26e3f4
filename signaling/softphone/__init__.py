"""Softphones: JSON-RPC 2.0 over a TLS WebSocket, subprotocol `telephonist.v1` (docs/softphone.md)."""
