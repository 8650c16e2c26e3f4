"""A voice for Piper that says every text as a tone: a real ONNX model of a few hundred octets, written by hand.

The voices that people use are tens of megabytes each. The field numbers are those of ONNX's own description of its
files (onnx.proto), the inputs and the output those of a Piper voice."""

import json
import struct
from pathlib import Path

RATE = 22050
TONE = 600.0
SAMPLES_A_PHONEME = 1024
_FLOAT, _INT64 = 1, 7


def write_voice(folder: Path) -> Path:
    """The model, with the configuration that belongs beside it."""
    model = folder / "tone.onnx"
    model.write_bytes(_model())
    symbols = ["_", "^", "$", *map(chr, range(32, 127))]
    described = {
        "audio": {"sample_rate": RATE, "quality": "x_low"},
        "espeak": {"voice": "en-us"},
        "inference": {"noise_scale": 0.0, "length_scale": 1.0, "noise_w": 0.0},
        "phoneme_type": "text",
        "phoneme_id_map": {symbol: [number] for number, symbol in enumerate(symbols)},
        "num_symbols": len(symbols),
        "num_speakers": 1,
        "speaker_id_map": {},
    }
    model.with_suffix(".onnx.json").write_text(json.dumps(described))
    return model


def _model() -> bytes:
    """sin(step x (0 … phonemes x SAMPLES_A_PHONEME))"""
    step = 2 * 3.141592653589793 * TONE / RATE
    nodes = (
        _node("Mul", ("input_lengths", "each"), "lengths"),
        _node("Squeeze", ("lengths",), "length"),
        _node("Range", ("zero", "length", "one"), "numbers"),
        _node("Cast", ("numbers",), "times", _attribute("to", _FLOAT)),
        _node("Mul", ("times", "step"), "angles"),
        _node("Sin", ("angles",), "sound"),
        _node("Reshape", ("sound", "shape"), "output"),
    )
    constants = (
        _tensor("each", (1,), _INT64, struct.pack("<q", SAMPLES_A_PHONEME)),
        _tensor("zero", (), _INT64, struct.pack("<q", 0)),
        _tensor("one", (), _INT64, struct.pack("<q", 1)),
        _tensor("step", (), _FLOAT, struct.pack("<f", step)),
        _tensor("shape", (4,), _INT64, struct.pack("<4q", 1, 1, 1, -1)),
    )
    inputs = (_value("input", _INT64, 2), _value("input_lengths", _INT64, 1), _value("scales", _FLOAT, 1))
    graph = (
        b"".join(_field(1, node) for node in nodes)
        + _field(2, b"tone")
        + b"".join(_field(5, constant) for constant in constants)
        + b"".join(_field(11, value) for value in inputs)
        + _field(12, _value("output", _FLOAT, 4))
    )
    return _number(1, 8) + _field(7, graph) + _field(8, _field(1, b"") + _number(2, 13))


def _node(operator: str, inputs: tuple[str, ...], output: str, attribute: bytes = b"") -> bytes:
    named = b"".join(_field(1, name.encode()) for name in inputs)
    return (
        named + _field(2, output.encode()) + _field(4, operator.encode()) + (_field(5, attribute) if attribute else b"")
    )


def _attribute(name: str, value: int) -> bytes:
    return _field(1, name.encode()) + _number(3, value) + _number(20, 2)


def _tensor(name: str, shape: tuple[int, ...], kind: int, data: bytes) -> bytes:
    return b"".join(_number(1, size) for size in shape) + _number(2, kind) + _field(8, name.encode()) + _field(9, data)


def _value(name: str, kind: int, dimensions: int) -> bytes:
    shape = b"".join(_field(1, _field(2, f"{name}{number}".encode())) for number in range(dimensions))
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, kind) + _field(2, shape)))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    octets = bytearray()
    while value > 127:
        octets.append(value & 127 | 128)
        value >>= 7
    return bytes([*octets, value])
