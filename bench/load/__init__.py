"""Legs by the hundred against a media server: plain RTP or SRTP, sent and received in batches, judged afterwards."""
