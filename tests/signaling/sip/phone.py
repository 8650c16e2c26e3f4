"""A phone that registers with an agent, message by message."""

from dataclasses import dataclass, field

from signaling.sip.agent import UserAgent
from signaling.sip.config import SipConfig
from signaling.sip.flow import Flow, Transport
from signaling.sip.headers.authentication import Usage, read_challenges
from signaling.sip.messages.message import Headers, Message, Request, Response, parse_message
from signaling.sip.registering.digest import Account, Subject, answer, choose, make_secrets
from signaling.sip.registering.gatekeeper import Accounts, Known
from signaling.sip.registering.registrar import News

REALM = "acme"
LOCAL = ("192.0.2.1", 5060)
PASSWORD = "correct horse"


class Directory:
    """Two accounts of one realm."""

    def __init__(self) -> None:
        self._known = {
            user: Known(f"i-1/phones/{user}", make_secrets(Account(user, PASSWORD), REALM)) for user in ("ann", "bob")
        }

    def realm_of(self, host: str) -> str | None:
        return REALM if host.startswith("acme") else None

    def find(self, realm: str, user: str) -> Known | None:
        return self._known.get(user) if realm == REALM else None


class Office:
    """An agent of which nobody but phones knows; `now` stands still unless a test moves it."""

    def __init__(self, config: SipConfig | None = None, accounts: Accounts | None = None) -> None:
        self.agent = UserAgent(config or SipConfig(), lambda flow: None, accounts or Directory())
        self.now = 1000.0

    def send(self, message: Request, flow: Flow) -> list[Message]:
        self.agent.receive(bytes(message), flow, self.now)
        return [parse_message(outgoing.data) for outgoing in self.agent.take()]

    def wait(self, seconds: float) -> None:
        self.now += seconds
        while (at := self.agent.get_timer()) is not None and at <= self.now:
            self.agent.handle_timer(at)
        self.agent.take()

    def news(self) -> list[News]:
        found = []
        while (news := self.agent.registrar.next_news()) is not None:
            found.append(news)
        return found

    def contacts(self, user: str = "ann") -> list[str]:
        return [str(binding.contact) for binding in self.agent.registrar.bindings.of(f"i-1/phones/{user}")]


@dataclass
class Phone:
    """One account on one flow. Further headers by name, `_` for `-`."""

    office: Office
    user: str = "ann"
    password: str = PASSWORD
    host: str = "198.51.100.7"
    port: int = 40000
    transport: Transport = "udp"
    connection: int = 0
    domain: str = "acme"
    realm: str = REALM
    expires: str = ""
    call_id: str = "reg"
    number: int = 0
    count: int = 0
    more: dict[str, str] = field(default_factory=dict)

    @property
    def flow(self) -> Flow:
        return Flow(self.transport, LOCAL, (self.host, self.port), self.connection)

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@{self.host}:{self.port}>"

    def request(self, method: str = "REGISTER", **more: str) -> Request:
        self.number += 1
        uri = f"sip:{self.domain}" if method == "REGISTER" else f"sip:100@{self.domain}"
        branch = f"z9hG4bK{self.user}{self.number}"
        fields = {
            "Via": f"SIP/2.0/{self.transport.upper()} {self.host}:{self.port};branch={branch};rport",
            "From": f"<sip:{self.user}@{self.domain}>;tag=t",
            "To": f"<sip:{self.user}@{self.domain}>" if method == "REGISTER" else f"<{uri}>",
            "Call-ID": self.call_id,
            "CSeq": f"{self.number} {method}",
            "Contact": self.contact,
            "Expires": self.expires,
        } | self.more
        fields |= {name.replace("_", "-"): value for name, value in more.items()}
        return Request(method, uri, Headers((name, value) for name, value in fields.items() if value))

    def send(self, request: Request) -> Response | None:
        answers = self.office.send(request, self.flow)
        found = [message for message in answers if isinstance(message, Response)]
        return found[-1] if found else None

    def signed(self, challenge: Response, method: str = "REGISTER", **more: str) -> Request:
        """The next request, with credentials for that challenge."""
        proxy = challenge.status == 407
        header = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
        chosen = choose(read_challenges(challenge.headers, header), self.realm)
        assert chosen is not None
        request = self.request(method, **more)
        self.count += 1
        account = Account(self.user, self.password)
        credentials = answer(chosen, account, Subject(method, request.uri), Usage(self.count, "c"))
        field = ("Proxy-Authorization" if proxy else "Authorization", str(credentials))
        return Request(method, request.uri, request.headers.add(field))

    def patient(self, request: Request) -> Response | None:
        """What it is answered, at once or when it is sent again."""
        answered = self.send(request)
        if answered is None:
            self.office.wait(1.0)
            answered = self.send(request)
        return answered

    def challenged(self, method: str = "REGISTER", **more: str) -> Response:
        challenge = self.patient(self.request(method, **more))
        assert challenge is not None
        self.count = 0
        return challenge

    def ask(self, method: str = "REGISTER", **more: str) -> Response | None:
        """What it is answered in the end."""
        challenge = self.challenged(method, **more)
        return self.patient(self.signed(challenge, method, **more)) if challenge.status in (401, 407) else challenge

    def register(self, **more: str) -> Response:
        granted = self.ask(**more)
        assert granted is not None
        return granted
