"""Sessions with AWS that share what botocore reads of its services: megabytes of JSON, and the loop stands still while
they are read."""

import functools

from aiobotocore.session import AioSession
from botocore.loaders import Loader, create_loader


def new_session(profile: str = "") -> AioSession:
    """`profile`: whose credentials it takes; empty: those of the environment."""
    session = AioSession(profile=profile or None)
    session.register_component("data_loader", _descriptions())
    return session


@functools.cache
def _descriptions() -> Loader:
    return create_loader()
