"""The server as a client over TLS sees it."""

import asyncio
import json

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from signaling.softphone import server as server_module
from signaling.softphone.errors import Code, RpcError
from signaling.softphone.protocol import Answer, ContactChanged, ContactRemoved, Done, MuteContact
from signaling.softphone.session import Limits
from tests.signaling.softphone.conftest import Bench, Phone, Start
from tests.support.desk import CONTACT


async def test_sign_in_gives_the_snapshot(bench: Bench) -> None:
    bench.desk.contacts["c-1"] = CONTACT
    phone = await bench.phone()
    opened = await phone.sign_in()
    assert (opened["seq"], opened["resumed"]) == (0, False)
    assert opened["snapshot"]["agent"]["username"] == "ada"
    assert opened["snapshot"]["contacts"][0]["customer"] == "+4930555001"
    assert bench.desk.presence == ["+u-1"]


async def test_a_request_reaches_the_desk_and_its_answer_the_client(bench: Bench) -> None:
    bench.desk.answer = lambda request: Answer("v=0 answer")
    phone = await bench.phone()
    await phone.sign_in()
    answer = await phone.call("contact.accept", contactId="c-1", sdp="v=0 offer")
    assert answer == {"jsonrpc": "2.0", "id": 2, "result": {"sdp": "v=0 answer"}}
    assert [user for user, _ in bench.desk.seen] == ["u-1"]


async def test_a_refusal_of_the_desk_is_answered_with_its_data(bench: Bench) -> None:
    bench.desk.answer = lambda request: RpcError(Code.WRONG_STATE, "Not in this state.", {"state": "ENDED"})
    phone = await bench.phone()
    await phone.sign_in()
    answer = await phone.call("contact.mute", contactId="c-1", on=True)
    assert answer["error"] == {"code": 4409, "message": "Not in this state.", "data": {"state": "ENDED"}}
    assert bench.desk.seen == [("u-1", MuteContact("c-1", True))]


async def test_a_fault_of_the_desk_is_an_internal_error_and_the_session_goes_on(bench: Bench) -> None:
    bench.desk.answer = lambda request: RpcError(1 // 0, "")
    phone = await bench.phone()
    await phone.sign_in()
    answer = await phone.call("contact.clear", contactId="c-1")
    assert answer["error"]["code"] == -32603
    bench.desk.answer = lambda request: Done()
    assert "result" in await phone.call("contact.clear", contactId="c-1")


async def test_notifications_are_numbered_in_order(bench: Bench) -> None:
    phone = await bench.phone()
    await phone.sign_in()
    for _ in range(3):
        bench.server.notify("u-1", ContactChanged(CONTACT))
    bench.server.notify("someone else", ContactChanged(CONTACT))
    assert [(await phone.receive())["params"]["seq"] for _ in range(3)] == [1, 2, 3]


async def cut(bench: Bench, phone: Phone) -> None:
    """Tears the client's connection off; returns when the server has noticed."""
    phone.socket.transport.abort()
    await phone.closed()
    while bench.server.stats["lost"] == 0:
        await asyncio.sleep(0)


async def test_resuming_after_a_cut_misses_nothing(bench: Bench) -> None:
    phone = await bench.phone()
    opened = await phone.sign_in()
    bench.server.notify("u-1", ContactChanged(CONTACT))
    await phone.receive()
    await cut(bench, phone)
    bench.server.notify("u-1", ContactChanged(msgspec.structs.replace(CONTACT, state="CONNECTED")))
    bench.server.notify("u-1", ContactRemoved("c-1"))

    again = await bench.phone()
    resume = {"session": opened["session"], "secret": opened["secret"], "seq": 1}
    resumed = (await again.call("session.open", resume=resume))["result"]
    assert (resumed["seq"], resumed["resumed"], resumed["snapshot"]) == (1, True, None)
    assert (resumed["session"], resumed["secret"]) == (opened["session"], opened["secret"])
    missed = [await again.receive() for _ in range(2)]
    assert [(message["method"], message["params"]["seq"]) for message in missed] == [
        ("contact.changed", 2),
        ("contact.removed", 3),
    ]
    assert bench.desk.presence == ["+u-1", "~u-1", "+u-1"]


@pytest.mark.parametrize("seq", [0, 99, None])
async def test_a_client_that_missed_too_much_gets_the_snapshot(start: Start, seq: int | None) -> None:
    bench = await start(Limits(log_length=2))
    phone = await bench.phone()
    opened = await phone.sign_in()
    for _ in range(4):
        bench.server.notify("u-1", ContactChanged(CONTACT))
    again = await bench.phone()
    resume = {"session": opened["session"], "secret": opened["secret"], "seq": seq}
    resumed = (await again.call("session.open", resume=resume))["result"]
    assert (resumed["seq"], resumed["resumed"]) == (4, False)
    assert resumed["snapshot"]["agent"]["id"] == "u-1"


async def test_a_wrong_secret_opens_nothing_and_leaves_the_session_alone(bench: Bench) -> None:
    phone = await bench.phone()
    opened = await phone.sign_in()
    thief = await bench.phone()
    answer = await thief.call("session.open", resume={"session": opened["session"], "secret": "guess", "seq": 0})
    assert answer["error"]["code"] == 4401
    assert await thief.closed() == 1008
    assert "result" in await phone.call("agent.setStatus", status="Offline")


async def test_what_follows_from_the_presence_comes_after_the_session(bench: Bench) -> None:
    bench.desk.on_present = lambda user: bench.server.notify(user, ContactRemoved("c-0"))
    phone = await bench.phone()
    opened = await phone.sign_in()
    assert opened["seq"] == 1
    await cut(bench, phone)
    again = await bench.phone()
    resume = {"session": opened["session"], "secret": opened["secret"], "seq": 1}
    assert (await again.call("session.open", resume=resume))["result"]["resumed"]
    assert (await again.receive())["params"]["seq"] == 2


async def test_a_new_sign_in_replaces_the_older_session(bench: Bench) -> None:
    phone = await bench.phone()
    opened = await phone.sign_in()
    other = await bench.phone()
    await other.sign_in()
    assert (await phone.receive())["params"] == {"seq": 1, "reason": "replaced"}
    assert await phone.closed() == 1000
    late = await bench.phone()
    resume = {"session": opened["session"], "secret": opened["secret"], "seq": 0}
    assert (await late.call("session.open", resume=resume))["error"]["code"] == 4401
    assert "result" in await other.call("agent.setStatus", status="Offline")
    assert bench.desk.presence == ["+u-1", "+u-1"]


async def test_a_copy_of_the_secret_takes_the_session_and_the_older_line_is_told(bench: Bench) -> None:
    phone = await bench.phone()
    opened = await phone.sign_in()
    copy = await bench.phone()
    resume = {"session": opened["session"], "secret": opened["secret"], "seq": 0}
    await copy.call("session.open", resume=resume)
    assert (await phone.receive())["params"]["reason"] == "replaced"
    assert await phone.closed() == 1000
    bench.server.notify("u-1", ContactRemoved("c-1"))
    assert (await copy.receive())["params"]["seq"] == 1


async def test_a_session_that_is_not_resumed_ends(start: Start) -> None:
    bench = await start(Limits(lifetime=0.05))
    phone = await bench.phone()
    opened = await phone.sign_in()
    await phone.socket.close()
    await asyncio.wait_for(bench.desk.left.wait(), 5)
    late = await bench.phone()
    resume = {"session": opened["session"], "secret": opened["secret"], "seq": 0}
    assert (await late.call("session.open", resume=resume))["error"]["code"] == 4401


async def test_signing_out_ends_the_session(bench: Bench) -> None:
    phone = await bench.phone()
    await phone.sign_in()
    bench.server.sign_out("u-1")
    assert (await phone.receive())["params"]["reason"] == "signedOut"
    assert await phone.closed() == 1000
    assert bench.desk.presence == ["+u-1", "-u-1"]


async def test_closing_tells_everyone_that_the_server_drains(bench: Bench) -> None:
    phone, stranger = await bench.phone(), await bench.phone()
    await phone.sign_in()
    closing = asyncio.create_task(bench.server.close())
    assert (await phone.receive())["params"]["reason"] == "draining"
    assert await phone.closed() == 1000
    assert await stranger.closed() == 1001
    await closing


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('{"jsonrpc": "2.0", "id": 1, "method": "session.open", "params": {"token": "stolen"}}', 4401),
        ('{"jsonrpc": "2.0", "id": 1, "method": "session.open", "params": {}}', -32602),
        ('{"jsonrpc": "2.0", "id": 1, "method": "agent.setStatus", "params": {"status": "Offline"}}', -32600),
        ("GET / HTTP/1.1", -32700),
        ("[" * 60000, -32700),
    ],
)
async def test_a_wrong_first_message_is_answered_and_closed(bench: Bench, message: str, code: int) -> None:
    phone = await bench.phone()
    await phone.socket.send(message)
    assert (await phone.receive())["error"]["code"] == code
    assert await phone.closed() == 1008
    assert bench.desk.presence == []


async def test_silence_is_closed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "FIRST_MESSAGE_TIMEOUT", 0.05)
    phone = await bench.phone()
    assert await phone.closed() == 1008


async def test_a_foreign_origin_is_closed(bench: Bench) -> None:
    phone = await bench.phone(origin="https://evil.example")
    assert await phone.closed() == 1008
    assert bench.server.stats["refused"] == 1


async def test_a_client_that_is_no_browser_has_no_origin(bench: Bench) -> None:
    phone = await bench.phone(origin=None)
    assert "snapshot" in await phone.sign_in()


async def test_an_unknown_subprotocol_is_refused_in_the_handshake(bench: Bench) -> None:
    with pytest.raises(InvalidStatus):
        await bench.phone(subprotocol="mqtt")


async def test_another_subprotocol_has_its_own_handler(start: Start) -> None:
    async def echo(socket: ServerConnection) -> None:
        await socket.send(await socket.recv())

    bench = await start(others={"sip": echo})
    phone = await bench.phone(subprotocol="sip")
    await phone.socket.send("OPTIONS")
    assert await phone.socket.recv() == "OPTIONS"


@pytest.mark.parametrize(
    ("message", "code", "id"),
    [
        ("{", -32700, None),
        ('{"jsonrpc": "2.0", "id": 7, "method": "contact.explode"}', -32601, 7),
        ('{"jsonrpc": "2.0", "id": "x", "method": "contact.mute", "params": {"contactId": "c-1"}}', -32602, "x"),
        ('[{"jsonrpc": "2.0", "id": 1, "method": "contact.clear", "params": {"contactId": "c-1"}}]', -32600, None),
        ('{"jsonrpc": "2.0", "id": 2, "method": "session.open", "params": {"token": "token-u-1"}}', -32600, 2),
    ],
)
async def test_a_bad_message_is_answered_and_the_session_goes_on(
    bench: Bench, message: str, code: int, id: int | str | None
) -> None:
    phone = await bench.phone()
    await phone.sign_in()
    await phone.socket.send(message)
    answer = await phone.receive()
    assert (answer["error"]["code"], answer["id"]) == (code, id)
    assert "result" in await phone.call("agent.setStatus", status="Offline")


async def test_binary_is_no_message(bench: Bench) -> None:
    phone = await bench.phone()
    await phone.sign_in()
    await phone.socket.send(b"{}")
    assert (await phone.receive())["error"]["code"] == -32700


async def test_too_long_a_message_closes_the_connection(bench: Bench) -> None:
    phone = await bench.phone()
    await phone.sign_in()
    await phone.socket.send("x" * 65537)
    assert await phone.closed() == 1009


async def test_a_request_without_id_is_carried_out_and_not_answered(bench: Bench) -> None:
    phone = await bench.phone()
    await phone.sign_in()
    await phone.socket.send('{"jsonrpc": "2.0", "method": "contact.clear", "params": {"contactId": "c-1"}}')
    assert (await phone.call("agent.setStatus", status="Offline"))["id"] == 2
    assert len(bench.desk.seen) == 2


async def test_a_flood_is_closed(bench: Bench) -> None:
    phone = await bench.phone()
    await phone.sign_in()
    request = json.dumps({"jsonrpc": "2.0", "method": "contact.clear", "params": {"contactId": "c-1"}})
    with pytest.raises(ConnectionClosed):
        for _ in range(2000):
            await phone.socket.send(request)
        await phone.receive()
    assert await phone.closed() == 1008
    assert len(bench.desk.seen) <= 200


async def test_a_client_that_does_not_read_is_cut_and_can_resume(bench: Bench) -> None:
    phone = await bench.phone(max_queue=1)
    opened = await phone.sign_in()
    phone.socket.transport.pause_reading()
    large = msgspec.structs.replace(CONTACT, reason="x" * 60000)
    while bench.server.stats["lost"] == 0:
        bench.server.notify("u-1", ContactChanged(large))
        await asyncio.sleep(0)
    phone.socket.transport.abort()
    again = await bench.phone()
    resume = {"session": opened["session"], "secret": opened["secret"], "seq": 0}
    resumed = (await again.call("session.open", resume=resume))["result"]
    assert resumed["snapshot"]["agent"]["id"] == "u-1"


async def test_strangers_are_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAX_STRANGERS", 1)
    await bench.phone()
    assert await (await bench.phone()).closed() == 1013


async def test_a_page_resumes_the_session_that_an_earlier_server_gave_it(bench: Bench, start: Start) -> None:
    phone = await bench.phone()
    opened = await phone.sign_in()
    saved = bench.server.save("u-1")
    assert saved is not None and bench.server.save("u-2") is None
    other = await start()
    other.server.restore(saved)
    other.desk.contacts["c-1"] = CONTACT
    back = await other.phone()
    answer = await back.call(
        "session.open", resume={"session": opened["session"], "secret": opened["secret"], "seq": opened["seq"]}
    )
    assert answer["result"]["resumed"] is False or answer["result"]["snapshot"] is not None
    assert answer["result"]["snapshot"]["contacts"][0]["contactId"] == "c-1"
    assert other.desk.presence == ["+u-1"]
