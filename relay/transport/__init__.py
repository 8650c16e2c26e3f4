"""Datagrams: sockets, who may be heard on them, ICE, DTLS and SRTP."""
