"""An instance as a file: all its resources in one JSON or TOML document, for `telephonist apply`. Pure.

The members are those of `signaling.center.resources.Directory`, with `password` and `phones` beside each user, and
`password` beside each of these and each trunk that has a `username`. A flow's `content` is a document of the flow
language.
"""

import ipaddress
import re
import tomllib
from collections.abc import Set
from typing import Any

import msgspec

from recorder.api import Storage, check_storage
from signaling.center.flow import FlowError, parse_flow
from signaling.center.flow_run import queue_id
from signaling.center.resources import Directory, Flow, Outbound, QuickConnect, Tenant, Trunk, User
from signaling.center.routes import dialled, is_pattern
from signaling.center.security import PERMISSIONS
from signaling.errors import ConfigError
from signaling.sip.errors import ParseError
from signaling.sip.reaching.targets import Target
from vault.pii import Pii

CODECS = frozenset(("opus", "G722", "PCMU", "PCMA", "L16"))
"""All that we have: a trunk that names none may use each."""
SUITES = frozenset(
    (
        "AES_CM_128_HMAC_SHA1_80",
        "AES_CM_128_HMAC_SHA1_32",
        "AES_256_CM_HMAC_SHA1_80",
        "AEAD_AES_128_GCM",
        "AEAD_AES_256_GCM",
    )
)
"""Of SDES: those of relay.transport.srtp."""
MAX_DAYS = 36500
_WRITTEN = re.compile(r"\+?[0-9*#]{0,32}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)
_PHONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_USER = re.compile(r"[A-Za-z0-9_.!~*'()+$-]{1,64}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class InstanceFile(msgspec.Struct, frozen=True):
    directory: Directory
    passwords: dict[str, Pii[str]]
    """By user name. Who is not named here keeps his."""
    phone_passwords: dict[str, Pii[str]] = {}
    """By phone; likewise."""
    trunk_passwords: dict[str, Pii[str]] = {}
    """By trunk; likewise."""


def parse_instance(text: str, toml: bool) -> InstanceFile:
    """The instance in a document. Raises ConfigError that says what is wrong where."""
    try:
        content: dict[str, Any] = tomllib.loads(text) if toml else msgspec.json.decode(text, type=dict[str, Any])
        given = [user for user in content.get("users", ()) if "password" in user]
        passwords = {user["username"]: Pii(_text(user.pop("password"))) for user in given}
        phones = content["phones"] = _take_phones(content)
        phone_passwords = {phone["name"]: Pii(_text(phone.pop("password"))) for phone in phones if "password" in phone}
        with_password = [trunk for trunk in content.get("trunks", ()) if "password" in trunk]
        trunk_passwords = {trunk["name"]: Pii(_text(trunk.pop("password"))) for trunk in with_password}
        directory = msgspec.convert(content, Directory)
    except (tomllib.TOMLDecodeError, msgspec.MsgspecError) as error:
        raise ConfigError(f"the instance cannot be read: {error}") from None
    except (KeyError, AttributeError, TypeError):
        raise ConfigError(
            "the instance cannot be read: users have an id and a username, phones and trunks a name, all a text as "
            "password"
        ) from None
    _check(directory)
    return InstanceFile(directory, passwords, phone_passwords, trunk_passwords)


def _take_phones(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that stand with their users, and those that stand alone. Raises KeyError, AttributeError, TypeError."""
    theirs = [{**phone, "user": user["id"]} for user in content.get("users", ()) for phone in user.pop("phones", ())]
    return [*content.get("phones", ()), *theirs]


def _text(value: Any) -> str:
    """Raises TypeError."""
    if not isinstance(value, str) or not value:
        raise TypeError("a password is a text")
    return value


def _check(directory: Directory) -> None:
    """Raises ConfigError for what refers to nothing, or could not work."""
    profiles = {profile.id for profile in directory.routing_profiles}
    security = {profile.id for profile in directory.security_profiles}
    queues = {queue.id for queue in directory.queues}
    flows = {flow.id for flow in directory.flows}
    for user in directory.users:
        _known(f"user {user.username}: routing profile", {user.routing_profile} - {""}, profiles)
        _known(f"user {user.username}: security profile", set(user.security_profiles), security)
    for allowing in directory.security_profiles:
        _known(f"security profile {allowing.name}: permission", set(allowing.permissions), PERMISSIONS)
    for profile in directory.routing_profiles:
        _known(f"routing profile {profile.name}: queue", {row.queue for row in profile.rows}, queues)
    for number in directory.numbers:
        _known("phone number: flow", {number.flow}, flows)
    for flow in directory.flows:
        _check_flow(flow, queues)
    for trunk in directory.trunks:
        if trunk.name.startswith("phones/"):
            raise ConfigError(f"trunk {trunk.name}: this is how phones are named")
        _check_sources(trunk.name, trunk.sources)
        _known(f"trunk {trunk.name}: codec", set(trunk.codecs), CODECS)
        if trunk.outbound is not None:
            _check_outbound(trunk.name, trunk.outbound)
        _check_account(trunk)
        _check_security(trunk)
    _check_queues(directory, flows)
    _check_quick_connects(directory)
    _check_phones(directory)
    _check_retention(directory, queues)
    _check_storage(directory.storage)
    _check_unique(directory.users)
    _check_names(directory.tenant)


def _check_flow(flow: Flow, queues: set[str]) -> None:
    try:
        actions = parse_flow(flow.content).actions.values()
    except FlowError as error:
        raise ConfigError(f"flow {flow.name}: {error}") from None
    chosen = {queue_id(action) for action in actions if action.type == "UpdateContactTargetQueue"}
    _known(f"flow {flow.name}: queue", chosen, queues)


def _known(what: str, wanted: set[str], known: Set[str]) -> None:
    if missing := sorted(wanted - known):
        raise ConfigError(f"{what} {missing[0]!r} does not exist")


def _check_security(trunk: Trunk) -> None:
    _known(f"trunk {trunk.name}: suite", set(trunk.suites), SUITES)
    if trunk.suites and trunk.srtp == "off":
        raise ConfigError(f"trunk {trunk.name}: it has suites, but no SRTP")
    if trunk.keying == "dtls" and trunk.srtp == "off":
        raise ConfigError(f"trunk {trunk.name}: it has keying by DTLS, but no SRTP")
    if trunk.certificate is None:
        return
    if trunk.transports != ("tls",):
        raise ConfigError(f'trunk {trunk.name}: it has a certificate, so its transports are ["tls"]')
    if _HOST.fullmatch(trunk.certificate.name) is None or not trunk.certificate.authority:
        raise ConfigError(f"trunk {trunk.name}: its certificate needs the name of a host and a file of authorities")


def _check_sources(trunk: str, sources: tuple[str, ...]) -> None:
    for source in sources:
        try:
            ipaddress.ip_network(source)
        except ValueError as error:
            raise ConfigError(f"trunk {trunk}: {error}") from None


def _check_targets(trunk: str, targets: tuple[str, ...]) -> None:
    for target in targets:
        try:
            Target.parse(target)
        except ParseError:
            raise ConfigError(f"trunk {trunk}: target {target!r} must be host[:port][;transport=udp|tcp|tls]") from None


def _check_account(trunk: Trunk) -> None:
    if not trunk.username.isprintable() or not trunk.realm.isprintable():
        raise ConfigError(f"trunk {trunk.name}: username or realm has characters that no message can carry")
    if trunk.username and not trunk.realm:
        raise ConfigError(f"trunk {trunk.name}: say whose challenges are answered, with `realm`")
    if trunk.options_seconds and trunk.options_seconds not in range(5, 3601):
        raise ConfigError(f"trunk {trunk.name}: options_seconds must be 5 to 3600, or 0 for never")
    if trunk.max_calls < 0 or not (trunk.max_rate == 0 or 0.01 <= trunk.max_rate <= 10_000):
        raise ConfigError(f"trunk {trunk.name}: max_calls and max_rate must be 0 for no limit, or more")
    registration = trunk.registration
    if registration is None:
        return
    _check_targets(trunk.name, registration.registrars)
    if not registration.registrars or not _USER.fullmatch(trunk.username):
        raise ConfigError(f"trunk {trunk.name}: to register it needs a registrar, and a username that a URI can have")
    if registration.expires not in range(60, 86401):
        raise ConfigError(f"trunk {trunk.name}: a registration is for 60 to 86400 s")
    if registration.domain and not _HOST.fullmatch(registration.domain):
        raise ConfigError(f"trunk {trunk.name}: domain {registration.domain!r} is no name of a host")


def _check_outbound(trunk: str, outbound: Outbound) -> None:
    _check_targets(trunk, outbound.targets)
    for rule in outbound.numbers:
        if not is_pattern(rule.pattern):
            raise ConfigError(f"trunk {trunk}: pattern {rule.pattern!r} must be digits, X for any digit, * at the end")
    written = [*(rule.prepend for rule in outbound.numbers), outbound.caller_prepend, outbound.asserted]
    if not all(_WRITTEN.fullmatch(text) for text in written):
        raise ConfigError(f"trunk {trunk}: what is prepended or asserted must be digits, + at the beginning, * and #")
    if not outbound.targets or not outbound.numbers:
        raise ConfigError(f"trunk {trunk}: calls go out through it, so it needs a target and a number rule")
    if outbound.ring_seconds not in range(5, 181) or outbound.patience_seconds not in range(1, 33):
        raise ConfigError(f"trunk {trunk}: a call rings 5 to 180 s, and a target may be silent for 1 to 32 s")
    if outbound.domain and not _HOST.fullmatch(outbound.domain):
        raise ConfigError(f"trunk {trunk}: domain {outbound.domain!r} is no name of a host")


def _check_quick_connects(directory: Directory) -> None:
    agents = {user.id for user in directory.users if user.routing_profile}
    queues = {queue.id for queue in directory.queues}
    for one in directory.quick_connects:
        if one.type == "PHONE_NUMBER":
            _check_number(one)
            continue
        kind, known = ("agent", agents) if one.type == "USER" else ("queue", queues)
        _known(f"quick connect {one.name}: {kind}", {one.target}, known)


def _check_number(quick_connect: QuickConnect) -> None:
    try:
        dialled(quick_connect.target)
    except ValueError as error:
        raise ConfigError(f"quick connect {quick_connect.name}: {error}") from None


def _check_queues(directory: Directory, flows: set[str]) -> None:
    """What calls that go out need of queues."""
    numbers = {number.number for number in directory.numbers}
    queues = {queue.id for queue in directory.queues}
    for queue in directory.queues:
        _known(f"queue {queue.name}: flow", {queue.outbound_flow} - {""}, flows)
        _known(f"queue {queue.name}: number", {queue.caller_number} - {""}, numbers)
        if not queue.caller_name.isprintable():
            raise ConfigError(f"queue {queue.name}: the caller's name has characters that cannot be shown")
    for profile in directory.routing_profiles:
        _known(f"routing profile {profile.name}: queue", {profile.outbound_queue} - {""}, queues)
    for trunk in directory.trunks:
        if trunk.outbound is not None:
            _known(f"trunk {trunk.name}: number", set(trunk.outbound.callers), numbers)


def _check_phones(directory: Directory) -> None:
    names = [phone.name for phone in directory.phones]
    users = {user.id for user in directory.users}
    for phone in directory.phones:
        _known(f"phone {phone.name}: user", {phone.user}, users)
        if not _PHONE.fullmatch(phone.name):
            raise ConfigError(f"phone {phone.name!r}: a name has letters, digits, '.', '-' and '_', 64 at most")
        if not phone.codecs:
            raise ConfigError(f"phone {phone.name}: it has no codec")
        _known(f"phone {phone.name}: codec", set(phone.codecs), CODECS)
    if len(set(names)) != len(names):
        raise ConfigError("two phones have the same name")
    with_phone = {phone.user for phone in directory.phones}
    for user in directory.users:
        if user.endpoint == "phone" and user.id not in with_phone:
            raise ConfigError(f"user {user.username}: takes calls on a phone, and has none")


def _check_retention(directory: Directory, queues: set[str]) -> None:
    named = [rule.queue for rule in directory.retention]
    _known("retention: queue", set(named) - {""}, queues)
    if len(set(named)) != len(named):
        raise ConfigError("retention: two rules for the same queue")
    if any(not 0 <= rule.days <= MAX_DAYS for rule in directory.retention):
        raise ConfigError(f"retention: days must be 0 (for good) to {MAX_DAYS}")


def _check_storage(storage: Storage) -> None:
    """As far as it can be judged without the node's configuration, which says the rest."""
    try:
        check_storage(storage)
    except ValueError as error:
        raise ConfigError(f"storage: {error}") from None


def _check_names(tenant: Tenant) -> None:
    """The instance is part of names, and the alias of the recordings' object keys."""
    for field, value in (("account", tenant.account), ("instance", tenant.instance), ("alias", tenant.alias)):
        if not _NAME.fullmatch(value):
            raise ConfigError(f"tenant: {field} {value!r} must be letters, digits, '-' and '_', 64 at most")


def _check_unique(users: tuple[User, ...]) -> None:
    names = [user.username for user in users]
    if len(set(names)) != len(names):
        raise ConfigError("two users have the same username")
