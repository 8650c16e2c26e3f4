from tests.signaling.api.house import House


async def test_trunks_are_told_to_those_who_may(house: House) -> None:
    assert (await house.client.get("/trunks")).status == 401
    assert (await (await house.browser("sam")).get("/trunks")).status == 403
    response = await (await house.browser("max")).get("/trunks")
    assert response.status == 200
    assert await response.json() == {"Trunks": [{"Name": "carrier of acme"}]}
