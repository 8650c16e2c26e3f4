"""How much of those who are no trunk is read and answered: little of nobody's, enough of an office full of phones."""

from collections import OrderedDict
from collections.abc import Sized

from signaling.sip.config import SipConfig
from signaling.sip.strangers import Buckets, source_of


class Turns:
    """A source is nobody's until somebody there has shown valid credentials: all answers to it together are one a
    second. It is a phone's, or an office's, for `trust_seconds` after the last valid credentials."""

    def __init__(self, config: SipConfig) -> None:
        self._size = config.max_strangers
        self._read = self._limit(config.stranger_rate, config.stranger_burst)
        self._answered = self._limit(1.0, 1.0)
        self._read_of_phones = self._limit(config.office_rate, config.office_burst)
        self._answered_of_phones = self._limit(config.challenge_rate, config.challenge_burst)
        self._seconds = config.trust_seconds
        self._trusted: OrderedDict[str, float] = OrderedDict()
        """Sources, and until when; the one that ends first comes first."""

    def __len__(self) -> int:
        """The most sources that one of the tables holds."""
        tables: list[Sized] = [
            self._read,
            self._answered,
            self._read_of_phones,
            self._answered_of_phones,
            self._trusted,
        ]
        return max(len(table) for table in tables)

    def read(self, host: str, now: float) -> bool:
        """Whether a message from there may be read."""
        source = source_of(host)
        return (self._read_of_phones if self._trusts(source, now) else self._read).take(source, now)

    def was_worth_it(self, host: str, now: float) -> None:
        """What was read belongs to a call, or came from one who has shown who he is."""
        source = source_of(host)
        (self._read_of_phones if self._trusts(source, now) else self._read).give_back(source)

    def answer(self, host: str, now: float) -> bool:
        """Whether what comes from there may be answered."""
        source = source_of(host)
        return (self._answered_of_phones if self._trusts(source, now) else self._answered).take(source, now)

    def prove(self, host: str, now: float) -> None:
        """Valid credentials have come from there; the challenge that they answer is given back."""
        source = source_of(host)
        self._trusted[source] = now + self._seconds
        self._trusted.move_to_end(source)
        if len(self._trusted) > self._size:
            self._trusted.popitem(last=False)
        self._answered_of_phones.give_back(source)

    def _trusts(self, source: str, now: float) -> bool:
        return self._trusted.get(source, now) > now

    def _limit(self, rate: float, burst: float) -> Buckets:
        return Buckets(rate, burst, self._size)
