"""Where the app is, as far as it is known: from its settings, or from whoever calls the doctor."""

import msgspec

_OPERATOR = "Cachewarden Operator"
_NAMED = "func-cachewarden-"


class Place(msgspec.Struct, frozen=True):
    """What the checks know beforehand.

    Attributes:
        inside: whether this is the running app, with its own identity.
        app_id: the app's ARM id; None leaves out what points at it.
        principal: the object id of the app's identity.
        templates: the version of the templates that the app was deployed with.
        address: where people reach the app.
        storage: the name of the app's storage account, as commands name it.
    """

    inside: bool = False
    app_id: str | None = None
    principal: str | None = None
    templates: str | None = None
    address: str | None = None
    storage: str = "STORAGE-ACCOUNT"

    @property
    def group_id(self) -> str:
        """The ARM id of the app's resource group, empty when the app is not known."""
        return "/".join((self.app_id or "").split("/")[:5])

    @property
    def operator_role(self) -> str:
        """The name of the app's own role, which ends like the app's name (infra/modules/custom-role.bicep)."""
        name = (self.app_id or "").rstrip("/").rpartition("/")[2]
        return f"{_OPERATOR} {name.removeprefix(_NAMED)}" if name.startswith(_NAMED) else _OPERATOR
