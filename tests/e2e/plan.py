"""The instance that the end-to-end tests run: two agents, a supervisor, a number for each way of recording."""

import os
from typing import Any

LANE = 2000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
"""What is added to port numbers: tests that run side by side have ports of their own."""
PASSWORD = "correct horse battery"
PHONE_PASSWORD = "staple-of-phones"
MORE_AGENTS = ("cat", "dan", "eli")
"""Beside ann and bob."""
CODECS = ["opus", "G722", "PCMU", "PCMA"]
RECORDED = {
    "+15550100": ["Agent", "Customer"],
    "+15550101": ["Agent"],
    "+15550102": ["Customer"],
    "+15550103": [],
}
BOTH, FROM_AGENT, FROM_CUSTOMER, NOTHING = RECORDED
AUTOMATED = "+15550104"
"""Both parties, and the automated part too, from the end of the greeting on."""
DEAD_PORT, CARRIER_PORT = LANE + 21500, LANE + 21501
"""Where the trunk for calls that go out leads: nobody is at the first, and tests may listen at the second."""
BANK = "+49 30 123456"
SUPPORT = "00000000-0000-4000-8000-00000000000a"
EMPTY_QUEUE = "00000000-0000-4000-8000-00000000000b"

CARRIER: dict[str, Any] = {
    "targets": [f"127.0.0.1:{DEAD_PORT}", f"127.0.0.1:{CARRIER_PORT}"],
    "numbers": [{"pattern": "+*", "strip": 1, "prepend": "00"}],
    "ring_seconds": 5,
    "patience_seconds": 1,
}


def _action(identifier: str, kind: str, following: str = "", **parameters: Any) -> dict[str, Any]:
    transitions = {"NextAction": following} if following else {}
    return {"Identifier": identifier, "Type": kind, "Parameters": parameters, "Transitions": transitions}


def _flow(recorded: list[str], automated: bool = False) -> dict[str, Any]:
    behaviour = {"RecordedParticipants": recorded} | ({"IVRRecordingBehavior": "Enabled"} if automated else {})
    return {
        "Version": "2019-10-30",
        "StartAction": "hello",
        "Actions": [
            _action("hello", "MessageParticipant", "attributes", Text="Welcome."),
            _action("attributes", "UpdateContactAttributes", "record", Attributes={"tier": "platinum"}),
            _action(
                "record",
                "UpdateContactRecordingBehavior",
                "queue",
                RecordingBehavior=behaviour,
            ),
            _action("queue", "UpdateContactTargetQueue", "transfer", QueueId=SUPPORT),
            _action("transfer", "TransferContactToQueue"),
        ],
    }


def _outbound_flow() -> dict[str, Any]:
    behaviour = {"RecordedParticipants": ["Agent", "Customer"]}
    return {
        "Version": "2019-10-30",
        "StartAction": "record",
        "Actions": [
            _action("record", "UpdateContactRecordingBehavior", "end", RecordingBehavior=behaviour),
            _action("end", "EndFlowExecution"),
        ],
    }


def _phone(name: str, media: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "password": PHONE_PASSWORD, "media": media} | more


def _user(number: int, username: str, profile: str, agent: bool, **more: Any) -> dict[str, Any]:
    return more | {
        "id": f"00000000-0000-4000-8000-0000000001{number:02d}",
        "username": username,
        "name": username.title(),
        "password": PASSWORD,
        "security_profiles": [profile],
        "routing_profile": "routing" if agent else "",
    }


def instance(address: str = "127.0.0.1") -> dict[str, Any]:
    """The document for `telephonist apply`; `address`: where the trunks' calls come from."""
    return {
        "tenant": {"account": "000000000001", "instance": "00000000-0000-4000-8000-000000000001", "alias": "acme"},
        "users": [
            _user(1, "ann", "agent", agent=True, phones=[_phone("ann-desk", "sdes", calls=True)]),
            _user(2, "bob", "agent", agent=True, phones=[_phone("bob-desk", "dtls"), _phone("bob-page", "sdes")]),
            _user(3, "sue", "supervisor", agent=False),
            *(_user(4 + number, name, "agent", agent=True) for number, name in enumerate(MORE_AGENTS)),
        ],
        "security_profiles": [
            {
                "id": "agent",
                "name": "Agent",
                "permissions": ["BasicAgentAccess", "CallRecordings.Pause", "OutboundCallAccess"],
            },
            {
                "id": "supervisor",
                "name": "CallCenterManager",
                "permissions": [
                    "ContactSearch.View",
                    "ContactAttributes.View",
                    "ListenCallRecordings",
                    "DownloadCallRecordings",
                    "DeleteCallRecordings",
                    "CallRecordings.LegalHold",
                    "AuditTrail.View",
                    "OutboundCallAccess",
                ],
            },
        ],
        "routing_profiles": [
            {"id": "routing", "name": "Support", "rows": [{"queue": SUPPORT}], "outbound_queue": SUPPORT}
        ],
        "quick_connects": [
            {"id": "to-bob", "name": "Bob", "type": "USER", "target": "00000000-0000-4000-8000-000000000102"},
            {"id": "to-bank", "name": "The bank", "type": "PHONE_NUMBER", "target": BANK},
            {"id": "to-support", "name": "Support", "type": "QUEUE", "target": SUPPORT},
        ],
        "queues": [{"id": SUPPORT, "name": "Support", "caller_number": BOTH, "outbound_flow": "outbound"}],
        "flows": [
            {"id": f"flow-{number}", "name": f"Flow {number}", "content": _flow(recorded)}
            for number, recorded in RECORDED.items()
        ]
        + [{"id": f"flow-{AUTOMATED}", "name": "Flow with IVR recording", "content": _flow(RECORDED[BOTH], True)}]
        + [{"id": "outbound", "name": "Calls that agents place", "content": _outbound_flow()}],
        "numbers": [{"number": number, "flow": f"flow-{number}"} for number in (*RECORDED, AUTOMATED)],
        "trunks": [
            {"name": "local", "sources": [address], "transports": ["udp", "tcp"], "codecs": CODECS},
            {"name": "secure", "sources": [address], "transports": ["tls"], "srtp": "required"},
            {"name": "carrier", "sources": [], "transports": ["udp"], "codecs": ["PCMA"], "outbound": CARRIER},
        ],
    }
