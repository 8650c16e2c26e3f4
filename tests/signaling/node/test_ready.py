from signaling.node.ready import Addresses, SignIn, banner


def test_the_banner_says_all_that_a_newcomer_needs() -> None:
    text = banner(
        Addresses("127.0.0.1", 8443, 8444, 5060, 5061, number="+15550100"), (SignIn("demo", "agent", "pw", "Agent"),)
    )
    assert "https://127.0.0.1:8443/" in text
    assert "instance demo, user agent, password pw" in text
    assert "telephonist call +15550100\n" in text


def test_another_port_is_part_of_the_test_call() -> None:
    text = banner(Addresses("192.0.2.1", 1, 2, 3, 4, number="+15550100"), ())
    assert "telephonist call +15550100 --server 192.0.2.1:3\n" in text
    assert "https://[::1]:1/" in banner(Addresses("::1", 1, 2, 3, 4), ())
