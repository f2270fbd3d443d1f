"""What schemathesis does not check by itself: the lines of answers in NDJSON, each against its schema."""

import json

import schemathesis
from jsonschema import Draft202012Validator

LINES = {"/v1/sync/pull": "PullLine", "/v1/sync/slices": "SliceLine"}


@schemathesis.check
def every_line_is_described(ctx, response, case):
    name = LINES.get(case.operation.path)
    if name is None or response.status_code != 200:
        return
    schema = {**case.operation.schema.raw_schema, "$ref": f"#/components/schemas/{name}"}
    validator = Draft202012Validator(schema)
    for line in response.content.decode().splitlines():
        fault = next(validator.iter_errors(json.loads(line)), None)
        assert fault is None, f"{fault.message} in {line[:500]}"
