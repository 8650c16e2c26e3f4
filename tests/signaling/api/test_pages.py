from tests.signaling.api.house import House, error_of


async def test_the_console_is_at_the_root(house: House) -> None:
    page = await house.client.get("/")
    assert page.status == 200 and page.content_type == "text/html"
    script = await house.client.get("/pages/app.js")
    assert script.content_type == "text/javascript"
    assert await script.text() == "export const one = 1;"


async def test_no_folder_is_listed_and_nothing_outside_is_served(house: House) -> None:
    for path in ("/pages/", "/pages", "/../secret.txt", "/%2e%2e/secret.txt", "/pages/..%2f..%2fsecret.txt", "/a%00b"):
        status, _ = await error_of(await house.client.get(path))
        assert status == 404
