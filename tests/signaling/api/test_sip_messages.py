"""The SIP messages of a contact over HTTP."""

from signaling.sip.tracing.redaction import ShownMessage
from tests.signaling.api.house import House, error_of
from tests.signaling.store.samples import ACME, NOON, RIVAL, a_record

KEPT = ShownMessage(NOON, False, "udp", "192.0.2.9:5070", "INVITE sip:•••@h", "1 INVITE", (("CSeq", "1 INVITE"),))
LIVE = ShownMessage(NOON + 1, True, "udp", "192.0.2.9:5070", "200 OK", "1 INVITE")


def path(contact: str = "contact-1", instance: str = ACME.instance) -> str:
    return f"/contacts/{instance}/{contact}/sip"


async def test_what_is_over_and_what_goes_on_is_shown_in_its_order(house: House) -> None:
    await house.store.save_sip_trace(ACME, "contact-1", [KEPT])
    house.sip[ACME.instance, "contact-1"] = [LIVE]
    response = await (await house.browser("max")).get(path())
    assert response.status == 200
    assert (await response.json())["Messages"] == [
        {
            "At": NOON,
            "Direction": "RECEIVED",
            "Transport": "UDP",
            "Peer": "192.0.2.9:5070",
            "Start": "INVITE sip:•••@h",
            "CSeq": "1 INVITE",
            "Headers": [{"Name": "CSeq", "Value": "1 INVITE"}],
        },
        {
            "At": NOON + 1,
            "Direction": "SENT",
            "Transport": "UDP",
            "Peer": "192.0.2.9:5070",
            "Start": "200 OK",
            "CSeq": "1 INVITE",
            "Headers": [],
        },
    ]


async def test_a_contact_of_which_no_message_is_known_has_none_and_one_that_is_not_there_is_not_found(
    house: House,
) -> None:
    browser = await house.browser("max")
    await house.store.save_contact(a_record())
    assert (await (await browser.get(path())).json()) == {"Messages": []}
    assert await error_of(await browser.get(path("contact-2"))) == (404, "ResourceNotFoundException")


async def test_who_may_not_see_trunks_or_belongs_to_another_instance_sees_nothing(house: House) -> None:
    await house.store.save_sip_trace(ACME, "contact-1", [KEPT])
    assert await error_of(await (await house.browser("sam")).get(path())) == (403, "AccessDeniedException")
    rival = await house.browser("max", "rival")
    assert (await rival.get(path())).status in (403, 404)
    assert (await rival.get(path(instance=RIVAL.instance))).status == 404
    assert (await (await house.browser("max")).get(path(instance=RIVAL.instance))).status in (403, 404)
    assert (await house.client.get(path())).status == 401
