"""What the kernel drops before it takes room in a socket's buffer: datagrams longer than any of ours.

A buffer of the usual size holds three datagrams of 64 KiB. Without this, somebody who sends such to a media port,
whatever their address, crowds the peer's packets out before we can look at either.
"""

import ctypes
import socket
import struct

SO_ATTACH_FILTER = 26
"""Linux, asm-generic/socket.h; Python has no name for it."""
UDP_HEADER = 8
_LOAD_LENGTH, _JUMP_IF_GREATER, _RETURN = 0x80, 0x25, 0x06
_WHOLE = 0xFFFFFFFF
_INSTRUCTION = struct.Struct("HBBI")


def drop_longer(sock: socket.socket, octets: int) -> None:
    """Lets only datagrams of at most so many octets into the socket (classic BPF, socket(7)). Raises OSError."""
    program = b"".join(
        _INSTRUCTION.pack(*instruction)
        for instruction in (
            (_LOAD_LENGTH, 0, 0, 0),
            (_JUMP_IF_GREATER, 0, 1, octets + UDP_HEADER),
            (_RETURN, 0, 0, 0),
            (_RETURN, 0, 0, _WHOLE),
        )
    )
    code = ctypes.create_string_buffer(program, len(program))
    count = len(program) // _INSTRUCTION.size
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", count, ctypes.addressof(code)))
