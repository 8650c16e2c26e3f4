"""The shell of `signaling.sip`: sockets, connections, counters, history."""
