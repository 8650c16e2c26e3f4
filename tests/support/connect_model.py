"""Amazon Connect's own model, as botocore has it: requests are made and answers are read by it."""

import json
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator


@cache
def operation(name: str) -> OperationModel:
    return botocore.session.get_session().get_service_model("connect").operation_model(name)


def request_of(name: str, parameters: dict[str, Any]) -> tuple[str, str, Any]:
    """Method, path and JSON body of a request that Connect would take."""
    model = operation(name)
    report = ParamValidator().validate(parameters, model.input_shape)
    assert not report.has_errors(), report.generate_report()
    made = create_serializer("rest-json").serialize_to_request(parameters, model)
    return made["method"], made["url_path"], json.loads(made["body"] or b"null")


def answer_of(name: str, status: int, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """What a client of Connect makes of the answer; of an error, {"Error": {"Code", "Message"}, …}."""
    model = operation(name)
    given = {"status_code": status, "headers": {key.lower(): value for key, value in headers.items()}, "body": body}
    parsed: dict[str, Any] = create_parser("rest-json").parse(given, model.output_shape)
    if status >= 400:
        known = {shape.name for shape in model.error_shapes} | {"AccessDeniedException", "UnauthorizedException"}
        assert parsed["Error"]["Code"] in known, parsed
    return parsed
