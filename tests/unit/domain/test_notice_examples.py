"""The examples of notices: of the form that the reference promises, each of its own kind."""

import json
from typing import Any

import jsonschema
import msgspec
import pytest

from scripts.notice_reference import notice_schema
from shared.domain.notice_examples import example
from shared.domain.notice_kinds import NoticeKind
from shared.domain.notices import Notice


@pytest.fixture(scope="module")
def schema() -> Any:
    """The generated JSON Schema."""
    return json.loads(notice_schema())


class TestExamples:
    """`example`."""

    @pytest.mark.parametrize("kind", NoticeKind)
    def test_each_fits_the_schema_of_its_kind_and_no_other(self, schema: Any, kind: NoticeKind) -> None:
        """A reader who generates code from the schema can tell the kinds apart."""
        document = msgspec.json.decode(msgspec.json.encode(example(kind)))

        jsonschema.validate(document, schema)
        assert msgspec.convert(document, Notice) == example(kind)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**document, "kind": "incident.unheard"}, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**document, "id": None}, schema)
