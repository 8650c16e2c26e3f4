"""The test caller: real SIP, RTP or SDES-SRTP, from a command or from Python.

It shares no code with the media plane that it judges."""
