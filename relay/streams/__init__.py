"""RTP and RTCP as bytes and values, and the counters of a stream. Pure."""
