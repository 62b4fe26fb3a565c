"""The rights to a vault's secrets: data actions of roles, and the permissions of access policies that go with them."""

from typing import Final

_PERMISSIONS: Final = {
    "getSecret": "get",
    "setSecret": "set",
    "update": "set",
    "readMetadata": "list",
    "delete": "delete",
    "recover": "recover",
    "purge": "purge",
}
_DATA_ACTIONS: Final = "Microsoft.KeyVault/vaults/secrets/"


def data_action(action: str) -> str:
    """The full name of a data action on secrets, given its end: `getSecret/action`, `delete`."""
    return _DATA_ACTIONS + action


def permission_of(action: str) -> str:
    """The permission of an access policy that goes with a data action (documented, with the operations)."""
    return _PERMISSIONS[action.removesuffix("/action")]
