"""Whatever is dialled is refused by ValueError, or becomes a number that is the user part of an INVITE's target and
nothing else of it, however a trunk writes it."""

from signaling.center.resources import NumberRule, Outbound, Trunk
from signaling.center.routes import dialled, routes
from signaling.sip.messages.uri import Uri
from signaling.sip.reaching.targets import called_uri

SEEDS: list[bytes] = [
    b"+49 (30) 123-45", b"*21#", b"112", b"1;phone-context=x", b"1@evil", "\u0663\u0664".encode(), b"+", b"1\r\nVia: x",
]  # fmt: skip
TRUNKS = [
    Trunk("a", (), outbound=Outbound(("x.test",), (NumberRule("+X*", strip=1, prepend="00"), NumberRule("*")))),
    Trunk("b", (), outbound=Outbound(("x.test",), (NumberRule("*", strip=40, prepend="+*#"),))),
    Trunk("c", (), outbound=Outbound(("x.test",), (NumberRule("*", strip=40),))),
]


def one_input(data: bytes) -> None:
    try:
        number = dialled(data.decode("utf-8", "replace"))
    except ValueError:
        return
    for route in routes(TRUNKS, {"+15550100"}, number, ""):
        again = Uri.parse(str(called_uri(route.called.reveal(), "x.test", 5070, "tcp")))
        assert (again.name, again.host, again.port) == (route.called.reveal(), "x.test", 5070)
        assert again.name and again.params.pairs == (("transport", "tcp"),)


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
