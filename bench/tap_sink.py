"""The recorder's end of a tap socket, and no more: reads batches, acknowledges them ten times a second.

`python -m bench.tap_sink SOCKET`; ends with the connection.
"""

import socket
import sys
import time

from ipc.frames import FrameReader, frame
from recorder.wire import ACKNOWLEDGEMENT, BATCH, HELLO_SIZE

EACH_SECONDS = 0.1


def main() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(sys.argv[1])
        listening.listen()
        connection, _ = listening.accept()
    frames, told = FrameReader(), 0.0
    with connection:
        while data := connection.recv(1 << 20):
            batches = [payload for payload in frames.feed(data) if len(payload) != HELLO_SIZE]
            if batches and time.monotonic() - told >= EACH_SECONDS:
                told = time.monotonic()
                connection.send(frame(ACKNOWLEDGEMENT.pack(*BATCH.unpack_from(batches[-1]))))


if __name__ == "__main__":
    main()
