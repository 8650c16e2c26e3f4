from tests.signaling.api.house import House


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
