import msgspec
from prometheus_client import CollectorRegistry, generate_latest

from signaling.carriers.trunks import Trunks
from signaling.center.resources import Trunk, TrunkSecrets
from signaling.sip.tracing.tally import Said
from signaling.sip_server.sip_meter import SipMeter
from tests.signaling.center.floor_plan import directory


def test_metrics_name_trunks_by_their_ids_alone() -> None:
    name = "instance-1/acme-carrier"
    trunk = Trunk("acme-carrier", (), max_calls=1)
    secrets = {name: TrunkSecrets("0pa9ue")}
    trunks = Trunks([msgspec.structs.replace(directory(), trunks=(trunk,))], secrets)
    counts = {
        Said(name, "theirs", "INVITE", 200): 3,
        Said("", "theirs", "REGISTER", 401): 2,
        Said("instance-1/phones/ann", "theirs", "REGISTER", 401): 1,
        Said(name, "ours", "OPTIONS", 408): 1,
    }
    assert trunks.limits.admit(name, ("in", "1"), 0.0) and not trunks.limits.admit(name, ("in", "2"), 0.0)
    registry = CollectorRegistry()
    registry.register(SipMeter(trunks, lambda: counts))
    text = generate_latest(registry).decode()
    for line in (
        'telephonist_sip_answers_total{method="INVITE",side="theirs",status="200",trunk="0pa9ue"} 3.0',
        'telephonist_sip_answers_total{method="REGISTER",side="theirs",status="401",trunk="none"} 3.0',
        'telephonist_sip_answers_total{method="OPTIONS",side="ours",status="408",trunk="0pa9ue"} 1.0',
        'telephonist_trunk_calls{trunk="0pa9ue"} 1.0',
        'telephonist_trunk_calls_refused_total{limit="calls",trunk="0pa9ue"} 1.0',
    ):
        assert line in text.splitlines()
    assert not any(word in text for word in ("acme", "instance-1", "ann"))
