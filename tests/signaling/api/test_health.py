import pytest

from signaling.api import health
from tests.signaling.api.house import House
from vault.pii import Pii


async def test_health_says_what_it_is_told(house: House) -> None:
    response = await house.client.get("/health")
    assert response.status == 200 and await response.json() == {"status": "ok"}
    house.told["status"] = "degraded"
    response = await house.client.get("/health")
    assert response.status == 503 and await response.json() == {"status": "degraded"}


async def test_metrics_are_in_prometheus_format(house: House) -> None:
    response = await house.client.get("/metrics")
    assert response.content_type == "text/plain"
    assert await response.text() == "telephonist_up 1\n"


@pytest.mark.parametrize(
    ("token", "shown", "status"),
    [("", "", 403), ("", "Bearer ", 403), ("a-long-secret", "", 403), ("a-long-secret", "Bearer wrong", 403),
     ("a-long-secret", "Bearer a-long-secret", 200)],
)  # fmt: skip
async def test_other_machines_need_the_token(
    house: House, monkeypatch: pytest.MonkeyPatch, token: str, shown: str, status: int
) -> None:
    monkeypatch.setattr(health, "_is_here", lambda request: False)
    monkeypatch.setattr(health, "_expected", lambda request: Pii(token))
    response = await house.client.get("/metrics", headers={"Authorization": shown})
    assert response.status == status
