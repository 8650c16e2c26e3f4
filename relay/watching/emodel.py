"""The E-model (ITU-T G.107, 06/2015): a mean opinion score from delay and loss. Pure.

All parameters that are not measured have the defaults of its Table 2. Equipment impairments are those of G.113
Appendix I for G.711 with concealment; it has none for Opus and G.722 on this scale, and they are taken for the same.
"""

import math

LOSS_ROBUSTNESS = 25.1
"""Bpl."""
_SIGNAL = 94.7688
"""Ro, with every default (§7.2)."""
_SIMULTANEOUS = 1.4136
"""Is, likewise (§7.3)."""
_TELR, _WEPL = 65.0, 110.0


def rating(delay_ms: float, loss: float, burst_ratio: float = 1.0) -> float:
    """R, 0 to 93.2. `delay_ms`: from mouth to ear; `loss`: the part of packets that was not played, 0 to 1;
    `burst_ratio`: mean length of a run of losses over what it would be if they were independent (§7.5)."""
    percent = 100 * min(max(loss, 0.0), 1.0)
    equipment = 95 * percent / (percent / max(burst_ratio, 1.0) + LOSS_ROBUSTNESS)
    return max(0.0, _SIGNAL - _SIMULTANEOUS - _delay_impairment(max(delay_ms, 0.0)) - equipment)


def mean_opinion_score(r: float) -> float:
    """1 to 4.5 (Annex B)."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


def _delay_impairment(delay: float) -> float:
    """Id (§7.4): echo to the talker, echo to the listener, and too long a way."""
    return _talker_echo(delay) + _listener_echo(2 * delay) + _long_way(delay)


def _talker_echo(delay: float) -> float:
    terv = _TELR - 40 * math.log10((1 + delay / 10) / (1 + delay / 150)) + 6 * math.exp(-0.3 * delay**2)
    re: float = 80 + 2.5 * (terv - 14)
    half = (_SIGNAL - re) / 2
    return (half + math.sqrt(half**2 + 100) - 1) * (1 - math.exp(-delay))


def _listener_echo(round_trip: float) -> float:
    rle = 10.5 * (_WEPL + 7) / math.sqrt(math.sqrt(round_trip + 1))
    half = (_SIGNAL - rle) / 2
    return half + math.sqrt(half**2 + 169)


def _long_way(delay: float) -> float:
    if delay <= 100:
        return 0.0
    x = math.log2(delay / 100)
    return 25 * (_sixth_root(1 + x**6) - 3 * _sixth_root(1 + (x / 3) ** 6) + 2)


def _sixth_root(value: float) -> float:
    return math.exp(math.log(value) / 6)
