from tests.signaling.api.house import House, error_of
from tests.signaling.store.samples import ACME, NOON


async def test_an_agent_gets_a_token_for_himself(house: House) -> None:
    response = await (await house.browser("ada")).post("/softphone/token")
    assert await response.json() == {"token": "ticket-1", "url": "wss://127.0.0.1:8444/"}
    assert house.tickets.issued == [(f"{ACME.instance}/user-1", NOON)]


async def test_who_is_no_agent_gets_none_and_leaves_a_trace(house: House) -> None:
    assert await error_of(await (await house.browser("sam")).post("/softphone/token")) == (403, "AccessDeniedException")
    event = (await house.store.audit_events(ACME))[-1].event
    assert (event.action, event.actor, event.outcome) == ("OpenSoftphone", "user-2", "refused")
    assert house.tickets.issued == []
