"""Phones that register over UDP and refresh, each from a socket and an address of its own. Loopback addresses only."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from signaling.sip.errors import SipError
from signaling.sip.headers.authentication import Challenge, Usage, read_challenges
from signaling.sip.messages.message import Response, parse_message
from signaling.sip.registering.digest import Account, Subject, answer, choose

FIRST_REPEAT = 0.5
"""Timer E of RFC 3261; doubled each time, up to LONGEST_REPEAT."""
LONGEST_REPEAT = 4.0
GIVE_UP = 32.0


@dataclass(frozen=True)
class Registrar:
    host: str
    port: int
    realm: str
    password: str


@dataclass
class Figures:
    """What became of registrations; times from the request to the last answer, in seconds."""

    granted: int = 0
    repeated: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


class Phone(asyncio.DatagramProtocol):
    """`register` as often as wanted; its Call-ID and the count of its nonce go on."""

    def __init__(self, number: int, registrar: Registrar, address: int) -> None:
        """`address`: the number of the address that it has, alone or with others."""
        self.name = f"phone{number}"
        self.host = f"127.{100 + address // 62500}.{address // 250 % 250}.{address % 250 + 1}"
        self._registrar = registrar
        self._uri = f"sip:{registrar.realm}"
        self._challenge: Challenge | None = None
        self._sequence = self._count = 0
        self._answer: asyncio.Future[Response] | None = None

    async def open(self) -> None:
        """Raises OSError."""
        where = (self._registrar.host, self._registrar.port)
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self.host, 0), remote_addr=where
        )
        self._port = self._transport.get_extra_info("sockname")[1]

    def close(self) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, address: object) -> None:
        with suppress(SipError):
            message = parse_message(data)
            cseq = (message.headers.get("CSeq") or "").split(" ")[0]
            awaited = self._answer is not None and not self._answer.done() and cseq == str(self._sequence)
            if isinstance(message, Response) and awaited and self._answer is not None:
                self._answer.set_result(message)

    async def register(self, expires: int, figures: Figures) -> None:
        """Once, with a challenge where there is a new one."""
        began = time.monotonic()
        for _ in range(3):
            answered = await self._ask(expires, figures)
            if answered is None:
                figures.failed["no answer"] += 1
                return
            if answered.status == 200:
                figures.granted += 1
                figures.seconds.append(time.monotonic() - began)
                return
            challenge = choose(read_challenges(answered.headers, "WWW-Authenticate"), self._registrar.realm)
            if answered.status != 401 or challenge is None:
                figures.failed[str(answered.status)] += 1
                return
            self._challenge, self._count = challenge, 0
        figures.failed["challenged again"] += 1

    async def _ask(self, expires: int, figures: Figures) -> Response | None:
        self._sequence += 1
        self._answer = asyncio.get_running_loop().create_future()
        request, pause, left = self._request(expires), FIRST_REPEAT, GIVE_UP
        while left > 0:
            self._transport.sendto(request)
            with suppress(TimeoutError):
                return await asyncio.wait_for(asyncio.shield(self._answer), pause)
            figures.repeated += 1
            left -= pause
            pause = min(2 * pause, LONGEST_REPEAT)
        return None

    def _request(self, expires: int) -> bytes:
        who, realm, here = self.name, self._registrar.realm, f"{self.host}:{self._port}"
        lines = [
            f"REGISTER {self._uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{who}-{self._sequence};rport",
            "Max-Forwards: 70",
            f"From: <sip:{who}@{realm}>;tag={who}",
            f"To: <sip:{who}@{realm}>",
            f"Call-ID: {who}@bench",
            f"CSeq: {self._sequence} REGISTER",
            f"Contact: <sip:{who}@{here}>",
            f"Expires: {expires}",
            *self._credentials(),
            "Content-Length: 0",
            "",
            "",
        ]
        return "\r\n".join(lines).encode()

    def _credentials(self) -> list[str]:
        if self._challenge is None:
            return []
        self._count += 1
        account, subject = Account(self.name, self._registrar.password), Subject("REGISTER", self._uri)
        return [f"Authorization: {answer(self._challenge, account, subject, Usage(self._count, self.name))}"]
