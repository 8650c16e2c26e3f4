"""Judges messages by signaling/softphone/schema.json."""

import json
from pathlib import Path
from typing import Any, Literal

from jsonschema import Draft202012Validator

from signaling import softphone

SCHEMA: dict[str, Any] = json.loads((Path(softphone.__file__).parent / "schema.json").read_text())


def check(sender: Literal["fromClient", "fromServer"], message: Any) -> None:
    """Raises jsonschema.ValidationError if the sender may not send this."""
    rule = {"$schema": SCHEMA["$schema"], "$ref": f"#/$defs/{sender}", "$defs": SCHEMA["$defs"]}
    Draft202012Validator(rule).validate(message)
