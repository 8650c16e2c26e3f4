"""Finished contacts and their recordings, as a supervisor gets them over HTTPS."""

import asyncio
import io
import time
import wave
from typing import Any

import aiohttp
import numpy as np

from tests.e2e.node import Node
from tests.e2e.plan import PASSWORD, instance
from tests.support.tones import Samples

DELIVERED = ("verified", "released")
SECONDS = 20.0


class Supervisor:
    """Signed in for the length of `async with`."""

    def __init__(self, node: Node, username: str = "sue") -> None:
        self._node = node
        self._username = username
        self._instance: str = instance()["tenant"]["instance"]

    async def __aenter__(self) -> "Supervisor":
        jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address, not of a name
        self._session = aiohttp.ClientSession(
            self._node.console, connector=aiohttp.TCPConnector(ssl=False), cookie_jar=jar
        )
        credentials = {"instance": "acme", "username": self._username, "password": PASSWORD}
        async with self._session.post("/sign-in", json=credentials) as response:
            assert response.status == 204, await response.text()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def contacts(self) -> list[dict[str, Any]]:
        """Of the last hour, newest first."""
        now = time.time()
        query = {
            "InstanceId": self._instance,
            "TimeRange": {"Type": "INITIATION_TIMESTAMP", "StartTime": now - 3600, "EndTime": now + 60},
            "MaxResults": 100,
        }
        async with self._session.post("/search-contacts", json=query) as response:
            assert response.status == 200, await response.text()
            found: list[dict[str, Any]] = (await response.json())["Contacts"]
            return found

    async def contact(self, contact: str) -> dict[str, Any]:
        async with self._session.get(f"/contacts/{self._instance}/{contact}") as response:
            assert response.status == 200, await response.text()
            found: dict[str, Any] = (await response.json())["Contact"]
            return found

    async def completed(self, contact: str) -> dict[str, Any]:
        """The contact once its record is complete: records are written a little after what they tell."""
        async with asyncio.timeout(SECONDS):
            while True:
                found = await self.contact(contact)
                if "CompletedTimestamp" in found["Telephonist"]:
                    return found
                await asyncio.sleep(0.1)  # the API has no event for it yet

    async def delivered(self, contact: str, recording: str = "Recording") -> dict[str, Any]:
        """The contact once its recording, or its "IvrRecording", is in the store."""
        async with asyncio.timeout(SECONDS):
            while True:
                found = await self.contact(contact)
                told = found["Telephonist"].get(recording) or {}
                if told.get("State") in DELIVERED:
                    return found
                await asyncio.sleep(0.1)  # the API has no event for it yet

    async def status(self, path: str) -> int:
        async with self._session.get(path) as response:
            return response.status

    async def metrics(self) -> dict[str, float]:
        """Every sample by its name and labels, as Prometheus would scrape it."""
        async with self._session.get("/metrics") as response:
            assert response.status == 200, await response.text()
            lines = (await response.text()).splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer."""
        async with self._session.post(path, json=body) as response:
            return response.status, await response.json()

    async def put(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        async with self._session.put(path, json=body) as response:
            return response.status, await response.json()

    async def audio(self, contact: str, recording: str = "AGENT") -> tuple[Samples, int]:
        """The recording: samples [n, 2] with the left side first, and the rate."""
        status, ticket = await self.post(f"/recordings/{contact}/tickets", {"Recording": recording})
        assert status == 200, ticket
        async with self._session.get(ticket["Url"]) as response:
            assert response.status == 200, await response.text()
            content = await response.read()
        with wave.open(io.BytesIO(content)) as sound:
            assert (sound.getnchannels(), sound.getsampwidth()) == (2, 2)
            frames = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
            return frames.reshape(-1, 2), sound.getframerate()

    async def peaks(self, contact: str) -> dict[str, Any]:
        async with self._session.get(f"/recordings/{contact}/peaks") as response:
            assert response.status == 200, await response.text()
            peaks: dict[str, Any] = await response.json()
            return peaks
