"""Phones of the harness against the real registrar."""

import asyncio

from bench.sip.phones import Figures, Phone, Registrar
from signaling.sip.config import SipConfig
from signaling.sip.registering.digest import Account, make_secrets
from signaling.sip.registering.gatekeeper import Known
from signaling.sip_server.sip_io import SipServer

REALM, PASSWORD = "bench", "secret"


class Accounts:
    def realm_of(self, host: str) -> str | None:
        return REALM

    def find(self, realm: str, user: str) -> Known | None:
        return Known(user, make_secrets(Account(user, PASSWORD), REALM)) if user != "phone7" else None


async def test_phones_register_refresh_and_tell_what_failed() -> None:
    server = SipServer(SipConfig(), lambda flow: None, lambda event: None, accounts=Accounts())
    bound = await server.start("127.0.0.1", 0)
    phones = [Phone(number, Registrar("127.0.0.1", bound.udp, REALM, PASSWORD), number) for number in range(8)]
    assert len({phone.host for phone in phones}) == 8
    figures = Figures()
    for phone in phones:
        await phone.open()
    await asyncio.gather(*(phone.register(60, figures) for phone in phones))
    assert (figures.granted, figures.failed) == (7, {"challenged again": 1})
    assert len(server.agent.registrar.bindings) == 7
    await phones[0].register(60, figures)
    assert (figures.granted, len(server.agent.registrar.bindings)) == (8, 7)
    assert len(figures.seconds) == 8
    for phone in phones:
        phone.close()
    await server.close()
