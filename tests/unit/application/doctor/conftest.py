"""A deployment for the doctor to look at."""

import pytest

from tests.fakes.rotation import RotatingApplication
from tests.unit.application.doctor.breaking import VAULT_ID


@pytest.fixture
def world() -> RotatingApplication:
    """A deployment in which all is well."""
    made = RotatingApplication()
    made.logs.rows["KubeEvents"] = []
    vault_id = VAULT_ID
    made.vault_access.readers = {
        (vault_id, name, one.principal_id)
        for one in made.registries.sets.values()
        for name in ("dockerhub-username", "dockerhub-token")
    }
    return made
