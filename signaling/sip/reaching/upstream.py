"""What we do at trunks of our own accord: registrations kept up there, and targets asked whether they are there."""

from collections import deque
from dataclasses import dataclass

from signaling.sip.core import Core
from signaling.sip.flow import Address, Flow
from signaling.sip.reaching.pulse import Pulse, Watch
from signaling.sip.registering.registrant import Enrolment, Registrant, Standing


@dataclass(frozen=True, slots=True)
class RegistrationChanged:
    trunk: str
    registrar: str
    """`Enrolment.name`."""
    standing: Standing
    status: int
    """Of SIP: why."""


@dataclass(frozen=True, slots=True)
class TargetChanged:
    trunk: str
    target: Address
    up: bool
    status: int


UpstreamNews = RegistrationChanged | TargetChanged


class Upstream:
    """The registrants and pulses of all trunks."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._news: deque[UpstreamNews] = deque()
        self._registrants: dict[Enrolment, Registrant] = {}
        self._pulses: dict[tuple[str, Flow], Pulse] = {}

    def next_news(self) -> UpstreamNews | None:
        return self._news.popleft() if self._news else None

    def enroll(self, enrolment: Enrolment, flows: tuple[Flow, ...], now: float) -> None:
        """Registers there, by the first of these flows that answers. Called again, it brings other flows."""
        registrant = self._registrants.get(enrolment)
        if registrant is None:
            registrant = self._registrants[enrolment] = Registrant(self._core, enrolment, self._registration_changed)
        registrant.begin(flows, now)

    def watch(self, watch: Watch, now: float) -> None:
        """Asks that target from now on."""
        key = (watch.trunk, watch.flow)
        if key not in self._pulses:
            pulse = self._pulses[key] = Pulse(self._core, watch, self._target_changed)
            pulse.begin(now)

    def unwatch(self, trunk: str, flow: Flow) -> None:
        pulse = self._pulses.pop((trunk, flow), None)
        if pulse is not None:
            pulse.stop()

    def leave(self, now: float) -> None:
        """Takes every registration back and asks nobody any more."""
        for registrant in self._registrants.values():
            registrant.stop(now)
        for pulse in self._pulses.values():
            pulse.stop()
        self._pulses.clear()

    @property
    def has_left(self) -> bool:
        """No registration of ours is left to be taken back."""
        return all(registrant.standing is Standing.ENDED for registrant in self._registrants.values())

    def is_up(self, trunk: str, target: Address) -> bool:
        """Whether calls may be sent there: not when it was asked by whatever transport and is down."""
        watched = [pulse for (name, flow), pulse in self._pulses.items() if (name, flow.remote) == (trunk, target)]
        return not watched or any(pulse.up is not False for pulse in watched)

    @property
    def registrants(self) -> list[Registrant]:
        return list(self._registrants.values())

    @property
    def pulses(self) -> list[Pulse]:
        return list(self._pulses.values())

    def uses(self, flow: Flow) -> bool:
        """Whether a registration depends on this connection."""
        return any(registrant.flow == flow for registrant in self._registrants.values())

    def flow_closed(self, flow: Flow, now: float) -> None:
        for registrant in self._registrants.values():
            registrant.flow_closed(flow, now)

    def _registration_changed(self, registrant: Registrant) -> None:
        enrolment = registrant.enrolment
        news = RegistrationChanged(
            enrolment.trunk, enrolment.name, registrant.standing, registrant.status
        )  # fmt: skip
        self._news.append(news)

    def _target_changed(self, pulse: Pulse) -> None:
        self._news.append(TargetChanged(pulse.watch.trunk, pulse.watch.flow.remote, bool(pulse.up), pulse.status))
