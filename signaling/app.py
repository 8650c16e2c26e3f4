"""The composition root of the control plane: every object is built here by its constructor, and nothing is global."""

import asyncio
import dataclasses
import logging
import socket
import ssl
import uuid
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import structlog
from aiohttp import web

from ipc.process import given_socket
from recorder.api import Configure, RecordingStatus, over
from relay.api import Events
from signaling.api.application import build
from signaling.api.guard import COUNTS
from signaling.api.parts import Parts
from signaling.calling.calls import Calls
from signaling.calling.dialling import Dialling
from signaling.calling.lanes import Lanes
from signaling.calling.outgoing import Network, Outgoing
from signaling.calling.perform import Performer
from signaling.carriers.names import DnsNames, resolve_by
from signaling.carriers.peers import Peers
from signaling.carriers.trunks import Trunks
from signaling.carriers.uplinks import Uplinks
from signaling.center import events
from signaling.center.center import Center
from signaling.center.record import RecordingInfo
from signaling.center.resources import Directory, TrunkSecrets
from signaling.center.segments import type_of
from signaling.commands.admin_socket import AdminSocket
from signaling.commands.demo import ensure_demo
from signaling.config import Config
from signaling.endpoints.desk import AgentDesk
from signaling.endpoints.phone_desk import PhoneDesk
from signaling.endpoints.phones import Phones
from signaling.endpoints.registrations import Registrations
from signaling.errors import FolderError, PortError
from signaling.house import House, SteadyClock
from signaling.media.fleet import Fleet
from signaling.media.quality import QualityMeter
from signaling.media.speech import Speech
from signaling.media.workers import Workers
from signaling.node.places import Places
from signaling.node.ports import with_ports_of
from signaling.node.ready import Addresses
from signaling.node.tls import Renewal, client_context, self_signed, server_context
from signaling.recordings.deletion import Deletion
from signaling.recordings.recorders import Recorder
from signaling.recordings.recording_desk import RecordingDesk
from signaling.recordings.sweeper import Sweeper
from signaling.sip.config import SipConfig
from signaling.sip.events import SipEvent
from signaling.sip.flow import Address, Flow, Transport
from signaling.sip.reaching.locating import Locator
from signaling.sip_server.datagrams import SIP_SOCKET
from signaling.sip_server.sip_history import SipHistory
from signaling.sip_server.sip_io import SipServer
from signaling.sip_server.sip_meter import SipMeter
from signaling.softphone.server import SoftphoneServer
from signaling.softphone.tokens import Tokens
from signaling.status import Status
from signaling.store.errors import StoreUnavailable
from signaling.store.store import Store
from signaling.survival.adoption import Adoption, Takers
from signaling.survival.inheritance import load
from signaling.survival.keeping import Keeper
from signaling.survival.live import LiveKeeper
from signaling.survival.live_sources import LiveSources, Parties
from signaling.survival.recovery import close_interrupted
from vault.kms import KmsError
from vault.pii import Pii
from vault.services import open_kms

log = structlog.get_logger()
OTHERS_SECONDS = 30.0
RENEWAL_SECONDS = 60.0
HTTP_IDLE = 30.0
"""Seconds for the headers of a request to come, from the connection's beginning or the last answer on."""
MUSIC = Path(__file__).parent / "sounds" / "hold.flac"
CONSOLE = Path(__file__).parent / "console"


class App:
    """`start`, then `drain` and `close`."""

    def __init__(self, config: Config, places: Places, workers: int) -> None:
        self._config = config
        self._places = places
        self._clock = SteadyClock()
        self._tokens = Tokens()
        self._quality = QualityMeter()
        self._recordings: Counter[str] = Counter()
        """Told by the recorder, by state."""
        sockets = {f"relay-{number}": places.worker(number) for number in range(workers)}
        self._workers = Workers(
            sockets,
            self._on_worker_event,
            self._on_worker_presence,
        )
        self._recorder = Recorder(places.recorder_control, self._on_recording, self._on_recorder)

    async def start(self) -> None:
        """Until everything listens. Raises StartError."""
        try:
            self._kms = open_kms(self._config.keys, self._places.keyring)
            self._store = await Store.open(self._places.database, self._kms, self._clock)
        except (StoreUnavailable, KmsError) as error:
            raise FolderError(f"{self._places.data} cannot be used: {error}") from None
        await ensure_demo(self._store, self._places.demo)
        directories = await self._store.directories()
        tenants = [directory.tenant for directory in directories]
        inherited = await load(self._store, tenants)
        secrets = {tenant.instance: await self._store.phone_secrets(tenant) for tenant in tenants}
        trunks = Trunks(directories, await self._trunk_secrets(directories))
        self._build(directories, trunks, Phones(directories, secrets))
        takers = Takers(self._parties, self._phone_desk, self._outgoing)
        adoption = Adoption(self._house, takers, self._workers, self._lanes)
        adopted = adoption.restore(inherited, self._sip, self._clock())
        await close_interrupted(self._store, tenants, self._clock(), adopted)
        self._open()
        for tenant in tenants:
            await self._registrations.restore(tenant)
        adoption.restore_pages(self._softphones)
        for center, start in adoption.running_recordings():
            self._performer.perform(center, start)
        await self._lanes.empty()  # the recorder seals what it is not told of when it is met
        self._workers.start()
        self._recorder.start(self._storages(directories))
        legs = await self._workers.met()
        await self._listen()
        adoption.finish(legs, self._sip, self._softphones)
        for key in inherited.keys:
            self._live.found(key)
        await self._wait_for_others()
        self._sweeper.start()
        self._renewal.start()

    async def drain(self, urgent: asyncio.Event) -> None:
        """No new calls; until the last one has ended, or `urgent` is set."""
        self._calls.draining = self._outgoing.draining = self._status.draining = True
        self._sip.drain()
        await self._uplinks.close()
        log.info("= draining", calls=len(self._calls) + len(self._dialling))
        idle = asyncio.gather(self._calls.idle(), self._dialling.idle())
        waiting: list[asyncio.Future[Any]] = [idle, asyncio.ensure_future(urgent.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async def close(self) -> None:
        """Ends what still goes on, then everything in the order in which nothing is asked of what is closed already."""
        self._keeper.hurry()
        self._calls.hang_up_all()
        self._house.send_home()
        await self._outgoing.close()
        await self._sip.close_sockets()
        await self._softphones.close("draining")
        await self._lanes.empty()
        await self._sweeper.close()
        await self._renewal.close()
        await self._uplinks.close()
        await self._sip.close()
        await self._registrations.close()
        await self._web.cleanup()
        self._history.close()
        await self._admin.close()
        self._house.close()
        await self._recorder.close()
        await self._workers.close()
        await self._lanes.empty()
        await self._live.close()
        await self._store.close()
        await self._kms.close()

    def _storages(self, directories: list[Directory]) -> list[Configure]:
        """What the recorder is to know of each instance."""
        chosen = {entry.tenant: over(self._config.storage, entry.storage) for entry in directories}
        return [Configure(tenant.account, tenant.instance, storage) for tenant, storage in chosen.items()]

    async def _trunk_secrets(self, directories: list[Directory]) -> dict[str, TrunkSecrets]:
        """By unique name."""
        return {
            f"{entry.tenant.instance}/{name}": secret
            for entry in directories
            for name, secret in (await self._store.trunk_secrets(entry.tenant)).items()
        }

    def _build(self, directories: list[Directory], trunks: Trunks, phones: Phones) -> None:
        centers = [Center(directory, lambda: uuid.uuid4().hex) for directory in directories]
        address = self._config.public_address
        speech = Speech(self._places.prompts, self._config.speech)
        self._lanes = Lanes()
        self._keeper = Keeper(self._store, self._lanes)
        self._performer = Performer(self._workers, self._recorder, speech, MUSIC, self._lanes)
        self._house = House(centers, self._performer.perform, self._clock)
        self._dialling = Dialling(self._workers, self._lanes, address, self._clock)
        self._calls = Calls(self._house, self._workers, trunks, self._lanes, address, self._clock)
        self._desk = AgentDesk(self._house, self._workers, self._tokens, address, self._clock)
        self._registrations = Registrations(phones, self._store, self._clock, asyncio.get_running_loop().time)
        self._phone_desk = PhoneDesk(self._house, self._registrations, self._dialling, self._workers, self._lanes)
        self._recording_desk = RecordingDesk(self._house, self._keeper.keep_audit, self._clock)
        config = SipConfig(refuse_strangers=self._config.sip.strangers == "refuse", digests=self._config.sip.digest)
        locator = Locator(DnsNames(), config.draw)
        tenants = {entry.tenant.instance: entry.tenant for entry in directories}
        self._uplinks = Uplinks(trunks, tenants, self._keeper.keep_audit, self._clock, resolve_by(locator))
        network = Network(locator.locate, self._flow_to, self._uplinks.is_up, trunks.limits, self._clock)
        self._outgoing = Outgoing(self._house, self._dialling, network)
        self._performer.serve(self._desk, self._calls, self._keeper, self._outgoing)
        self._peers = Peers(trunks)
        self._client_context = client_context(*self._certificate())
        self._peers.trust(self._client_context)
        self._sip = SipServer(
            config,
            trunks.of,
            self._on_sip_event,
            advertised=self._config.server.public_address,
            accounts=phones,
            on_phone=self._registrations.on_news,
            account_for=trunks.account_for,
            on_upstream=self._uplinks.on_news,
            on_changed=self._on_calls_changed,
            datagrams=given_socket(SIP_SOCKET),
            on_message=self._on_sip_message,
            client_context=self._client_context,
            on_certificate=lambda connection, shown: trunks.shown(connection, self._peers.trunks_of(shown)),
        )
        self._registrations.serve(self._sip.agent.registrar, self._on_phone_presence, self._keeper.keep_audit)
        self._parties = Parties(self._calls, self._dialling)
        self._history = SipHistory(
            self._clock, self._sip.call_id_of, self._parties.owner_of, self._keeper.keep_sip_trace
        )
        self._admin = AdminSocket(self._history)
        self._sources = LiveSources(
            self._house, self._parties, self._workers.worker_of, lambda flow: trunks.instance_of(trunks.of(flow) or "")
        )
        self._live = LiveKeeper(self._store, self._sources.by_kind, self._clock)
        self._house.watch(self._live.watch)
        self._deletion = Deletion(self._store, self._recorder, self._clock)
        self._sweeper = Sweeper(self._deletion.sweep)
        self._calls.serve(self._sip, self._keeper.keep_audit, self._outgoing)
        self._dialling.serve(self._sip, self._keeper.keep_audit)
        self._status = Status(self._house, self.missing, self._counters, lambda: self._recorder.space)
        self._status.add(self._quality)
        self._status.add(self._registrations)
        self._status.add(self._recorder.states)
        self._status.add(SipMeter(trunks, lambda: self._sip.agent.answers))
        self._status.tell("trunks_down", lambda: self._uplinks.down)
        self._status.add(Fleet(lambda: self._workers.statuses))

    def missing(self) -> list[str]:
        """The processes that are not connected."""
        recorder = [] if self._recorder.connected.is_set() else ["recorder"]
        return [*self._workers.missing, *recorder]

    def _open(self) -> None:
        """The HTTP port, and all that is to be told things before it listens. Raises StartError."""
        self._config = with_ports_of(self._config, self._places.addresses)
        server = self._config.server
        family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
        try:
            self._listening = socket.create_server((server.address, self._config.ports.http), family=family)
        except OSError as error:
            raise _cannot_listen(error) from None
        origins = self._origins(self._listening.getsockname()[1])
        self._softphones = SoftphoneServer(self._desk, origins, {"sip": self._sip.serve_socket})
        self._desk.serve(self._softphones.notify, self._recording_desk, self._phone_desk)
        self._sources.serve(self._sip, self._softphones)

    async def _listen(self) -> None:
        """Raises StartError."""
        server, ports = self._config.server, self._config.ports
        context, sip_context = (server_context(*self._certificate()) for _ in range(2))
        self._peers.ask(sip_context)
        self._renewal = Sweeper(
            Renewal(self._certificate, (context, sip_context, self._client_context)).check, RENEWAL_SECONDS
        )
        listening, http = self._listening, self._listening.getsockname()[1]
        try:
            softphone = await self._softphones.start(server.address, ports.softphone, context)
            await self._admin.start(self._places.admin)
            bound = await self._sip.start(server.address, ports.sip, ports.sip_tls, sip_context)
            self._uplinks.start(self._sip)
            self._status.add(self._uplinks)
        except OSError as error:
            raise _cannot_listen(error) from None
        await self._serve_http(listening, context, softphone)
        number = next((number for center in self._house for number in center.floor.numbers), "")
        public = self._config.public_address
        addresses = Addresses(public, http, softphone, bound.udp, bound.tls, server.address, number)
        self._places.addresses.write_bytes(msgspec.json.encode(addresses))

    async def _wait_for_others(self) -> None:
        """Until workers and recorder are there; a node that lacks one goes on without it, and says so."""
        try:
            async with asyncio.timeout(OTHERS_SECONDS):
                await self._workers.complete.wait()
                await self._recorder.connected.wait()
        except TimeoutError:
            log.error("! not every process is there", missing=self.missing())

    async def _serve_http(self, listening: socket.socket, context: ssl.SSLContext, softphone: int) -> None:
        parts = Parts(
            store=self._store,
            recordings=self._recorder,
            control=self._recording_desk,
            deletion=self._deletion,
            tokens=self._tokens,
            signed_out=self._softphones.sign_out,
            softphone_url=lambda host: f"wss://{host}:{softphone}/",
            console=CONSOLE,
            clock=self._clock,
            health=self._status.health,
            metrics=self._status.metrics,
            trunks=self._uplinks.list_trunks,
            sip_messages=self._history.of,
            metrics_token=Pii(self._config.metrics.token),
            origins=frozenset(self._config.server.origins),
        )
        application = build(parts)
        self._answers = application[COUNTS]
        # Its errors are what strangers send, word by word: their cookies and numbers, and as many lines as they like.
        quiet = logging.Logger("aiohttp", logging.CRITICAL)
        self._web = web.AppRunner(application, access_log=None, logger=quiet, keepalive_timeout=HTTP_IDLE)
        await self._web.setup()
        await web.SockSite(self._web, listening, ssl_context=context).start()

    def _certificate(self) -> tuple[Path, Path]:
        tls = self._config.tls
        if tls.certificate:
            return Path(tls.certificate), Path(tls.key)
        return self_signed(self._places.tls, self._config.server.address)

    def _origins(self, http: int) -> set[str]:
        names = {self._config.server.address, self._config.public_address, "localhost"}
        return {f"https://{name}:{http}" for name in names} | set(self._config.server.origins)

    def _counters(self) -> dict[str, Mapping[str, int]]:
        sip = dataclasses.asdict(self._sip.agent.counters) | self._sip.agent.challenges
        return {
            "sip": sip,
            "phones": self._sip.agent.registrar.counts,
            "softphones": self._softphones.stats,
            "http": self._answers,
            "calls": self._calls.counts,
            "recordings": self._recordings,
            "taps": self._recorder.taps.counts(),
        }

    def _flow_to(self, transport: Transport, remote: Address, name: str) -> Flow:
        return self._sip.flow_to(transport, remote, name)

    def _on_sip_event(self, event: SipEvent) -> None:
        if not self._dialling.on_sip_event(event):
            self._calls.on_sip_event(event)

    def _on_sip_message(self, data: bytes, flow: Flow, sent: bool) -> None:
        self._history.on_message(data, flow, sent)

    def _on_calls_changed(self, calls: set[str]) -> None:
        self._history.on_calls_changed(calls)
        for key in self._sources.keys_of(calls):
            self._live.note(key)

    def _on_worker_event(self, worker: str, event: Events) -> None:
        self._quality.take(worker, event)
        if not self._phone_desk.on_worker_event(event):
            self._calls.on_worker_event(worker, event)

    def _on_worker_presence(self, worker: str, there: bool) -> None:
        if not there:
            self._quality.worker_lost(worker)
        self._calls.on_worker_presence(worker, there)

    def _on_phone_presence(self, instance: str, user: str, there: bool) -> None:
        center = self._house.of_instance(instance)
        if center is not None and user in center.floor.agents:
            self._house.tell(center, events.PhonePresence(user, there))

    def _on_recorder(self, there: bool) -> None:
        for center in self._house:
            self._house.tell(center, events.RecorderPresence(there))

    def _on_recording(self, status: RecordingStatus) -> None:
        center = self._house.of_instance(status.instance)
        if center is None:
            log.error("! recording of an unknown instance", recording=status.recording)
            return
        self._recordings[status.state] += 1
        info = RecordingInfo(
            id=status.recording,
            key=status.key,
            state=status.state,
            duration_ms=status.duration_ms,
            size=status.size,
            sha256=status.sha256,
            gaps=status.gaps,
            times=status.times,
            reason=status.reason,
            type=type_of(status.key),
        )
        self._keeper.keep_recording(center.floor.tenant, status.contact, info)
        if status.state in ("recording", "quarantined"):
            trouble = events.RecordingTrouble(status.contact, status.recording, status.reason)
            self._house.tell(center, trouble)


def _cannot_listen(error: OSError) -> PortError:
    return PortError(f"cannot listen: {error.strerror or error}; see [ports] in the configuration")
