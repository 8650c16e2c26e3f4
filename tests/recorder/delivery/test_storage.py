from typing import Any

import pytest

from recorder.delivery.storage import Storage, check_storage, over

S3 = {"bucket": "acme-calls", "prefix": "telephony/eu/", "endpoint": "https://s3.example.com:8443"}


def test_an_instance_says_what_the_node_does_not() -> None:
    node = Storage(bucket="everybodys", region="eu-central-1", encryption="both", kms_key="k", tags={"a": "b"})
    assert over(node, Storage()) == node
    mine = over(node, Storage(bucket="mine", encryption="envelope", lock="none"))
    assert (mine.bucket, mine.region, mine.encryption, mine.lock) == ("mine", "eu-central-1", "envelope", "none")


def test_sealing_is_the_default() -> None:
    assert Storage().sealed
    assert not Storage().encrypted
    assert [(Storage(encryption=kind).sealed, Storage(encryption=kind).encrypted) for kind in ("sse-kms", "both")] == [
        (False, True),
        (True, True),
    ]


@pytest.mark.parametrize(
    "members",
    [
        {},
        S3,
        {**S3, "encryption": "sse-kms", "kms_key": "arn:aws:kms:eu-central-1:1:key/x"},
        {**S3, "lock": "compliance", "retention_days": 30, "tags": {"cost centre": "a/b@c"}},
        {**S3, "lock": "governance", "retention_days": 1, "prefix": "x" * 255 + "/"},
    ],
)
def test_what_can_be_used(members: dict[str, Any]) -> None:
    storage = Storage(**members)
    check_storage(storage)
    assert over(Storage(), storage) == storage


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"bucket": "Acme"}, "bucket"),
        ({"bucket": "a/b"}, "bucket"),
        ({"bucket": "a..b"}, "bucket"),
        ({"prefix": "../up/"}, "prefix"),
        ({"prefix": "/top"}, "prefix"),
        ({"prefix": "a//b"}, "prefix"),
        ({"prefix": "x" * 300}, "prefix"),
        ({"endpoint": "file:///etc"}, "endpoint"),
        ({"encryption": "sse-kms", "kms_key": "k"}, "encryption"),
        ({**S3, "encryption": "both"}, "encryption"),
        ({**S3, "lock": "governance"}, "lock"),
        ({"lock": "governance", "retention_days": 1}, "lock"),
        ({"retention_days": -1}, "retention_days"),
        ({"tags": {"a": "b\n"}}, "tags"),
        ({"tags": {str(number): "b" for number in range(11)}}, "tags"),
    ],
)
def test_what_cannot_is_named(members: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        check_storage(Storage(**members))
