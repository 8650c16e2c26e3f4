"""A live agent: presence, status, next status, and the contact that occupies him."""

from signaling.center.agent_states import AVAILABLE, OFFLINE, STATUSES
from signaling.center.contact import Assignment
from signaling.center.resources import Endpoint, User


class Agent:
    """One user who takes contacts. Owned by the Floor."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.present = False
        """A page of his can be reached now."""
        self.status = OFFLINE
        self.next_status: str | None = None
        self.since = 0.0
        """When the status began; 0 before he was here for the first time."""
        self.assignment: Assignment | None = None
        self.endpoint: Endpoint = user.endpoint
        self.phone_there = False
        """A phone of his is registered."""

    @property
    def routable(self) -> bool:
        reachable = self.endpoint == "browser" or self.phone_there
        return self.present and reachable and self.status == AVAILABLE and self.assignment is None

    def arrive(self, now: float) -> None:
        """A page of his can be reached, for the first time or again."""
        self.present = True
        self.since = self.since or now

    def set_status(self, status: str, now: float) -> None:
        """At once when free, else as the next status. Raises ValueError for an unknown one."""
        if status not in STATUSES:
            raise ValueError(f"unknown status; choose one of {', '.join(STATUSES)}")
        if self.assignment is not None:
            self.next_status = status
        elif status != self.status:  # said again, it costs nobody his place among those who wait for a contact
            self._change(status, now)

    def release(self, now: float) -> None:
        """The contact is off the agent's hands: the next status comes into force, and his idle time starts anew."""
        self.assignment = None
        self._change(self.next_status or self.status, now)

    def leave(self, now: float) -> None:
        """No page of his is left that could come back."""
        self.present, self.assignment = False, None
        self._change(OFFLINE, now)

    def _change(self, status: str, now: float) -> None:
        self.status, self.next_status, self.since = status, None, now
