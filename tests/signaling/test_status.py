from recorder.api import SpaceStatus
from signaling.center import events
from signaling.center.center import Center
from signaling.house import House
from signaling.status import Status
from tests.signaling.center.floor_plan import NUMBER, directory
from vault.pii import Pii


async def test_health_and_metrics_follow_the_house_and_name_nobody() -> None:
    center = Center(directory(), lambda: "0" * 32)
    house = House([center], lambda *_: None, lambda: 1000.0)
    missing: list[str] = []
    space = SpaceStatus("low", 10, 1000)
    status = Status(house, lambda: missing, lambda: {"sip": {"malformed": 3}}, lambda: space)
    assert status.health() == {"status": "ok", "missing": [], "calls": 0, "spool": "low"}
    house.tell(center, events.AgentPresent("ann"))
    house.tell(center, events.AgentPresent("bob"))
    house.tell(center, events.SetStatus("ann", "Available"))
    house.tell(center, events.CallArrived("c-1", "c-1/customer", NUMBER, Pii("+15550199"), 0.0))
    house.tell(center, events.PlayerFinished("c-1", "prompt"))
    missing.append("relay-1")
    assert status.health() == {"status": "degraded", "missing": ["relay-1"], "calls": 1, "spool": "low"}
    missing.clear()
    space = SpaceStatus("full", 1, 1000)
    assert status.health()["status"] == "degraded"
    missing.append("relay-1")
    status.draining = True
    assert status.health()["status"] == "draining"
    text = status.metrics().decode()
    for line in (
        'telephonist_contacts{phase="queue"} 1.0',
        'telephonist_contacts{phase="connected"} 0.0',
        'telephonist_agents{status="on contact"} 1.0',
        'telephonist_agents{status="Offline"} 1.0',
        "telephonist_processes_missing 1.0",
        'telephonist_spool_bytes{part="free"} 1.0',
        'telephonist_sip_total{kind="malformed"} 3.0',
    ):
        assert line in text.splitlines()
    assert not any(name in text for name in ("15550199", NUMBER, "ann", "acme"))
    house.close()
