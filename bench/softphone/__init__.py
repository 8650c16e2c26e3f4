"""An agent without a browser: docs/softphone.md spoken by a program, with a WebRTC peer as small as it can be."""
