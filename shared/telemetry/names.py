"""The names of spans: a closed set, each with what it is about, from which the reference is made."""

from enum import StrEnum
from typing import Self

from shared.errors import CachewardenError, PermanentError


class _Described(StrEnum):
    """Names that say what they stand for.

    Attributes:
        about: what the span covers, for the reference.
    """

    about: str

    def __new__(cls, value: str, about: str) -> Self:
        """A member of this value."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.about = about
        return member


class Work(_Described):
    """What the app itself does; a span each."""

    INTAKE_ALERT = "intake.alert", "an alert is accepted, or refused"
    INTAKE_EVENT = "intake.event", "an event of Event Grid is recorded and read into a hint"
    VAULT_EVENT = "credential.event", "an event of Key Vault is acted on"
    DETECTION = "detection", "failing images are found behind an alert, and incidents opened"
    EVENT_WORK = "event.work", "what an event hints at is looked at again"
    CURING = "curing", "a registry's incidents are planned for and applied, under its lease"
    SURVEY = "survey", "a registry is read: rules, credential sets, repositories, access"
    APPLY = "apply", "the actions of a plan are carried out"
    ACTION = "apply.action", "one action of a plan"
    VERIFICATION = "verification", "an incident's images are pulled through the registry"
    APPROVAL = "approval", "a person's answer to a plan"
    ROTATION_STEP = "rotation.step", "one step of a rotation"
    DELIVERY = "notification.deliver", "an outbox row is handed to its channel"
    SEND = "notification.send", "a channel takes one notice"
    CHORE = "chore", "a chore of the sweep"
    BURIAL = "dead_letter.bury", "a message is given up"
    REPLAY = "dead_letter.replay", "a dead letter goes back on its queue"


class Outside(_Described):
    """Calls of outside systems, as `system.operation`; a span each, of kind client."""

    ARM_READ_REGISTRY = "arm.read_registry", "rules and credential sets of a registry"
    ARM_READ_CREDENTIAL_SET = "arm.read_credential_set", "one credential set with its health"
    ARM_CREATE_CREDENTIAL_SET = "arm.create_credential_set", "a credential set is asked for"
    ARM_UPDATE_CREDENTIAL_SET = "arm.update_credential_set", "a credential set reads other versions"
    ARM_CREATE_CACHE_RULE = "arm.create_cache_rule", "a cache rule is asked for"
    ARM_ATTACH_CREDENTIAL_SET = "arm.attach_credential_set", "a cache rule gets its credential set"
    ARM_AWAIT_OPERATION = "arm.await_operation", "the end of what was asked for, also by a worker that is gone"
    ARM_FIND_VAULT = "arm.find_vault", "the vault at an address"
    ARM_READ_ACCESS = "arm.read_access", "who may read a vault's secrets"
    ARM_GRANT_ACCESS = "arm.grant_access", "a role assignment on a secret, or an access policy of a vault"
    ARM_READ_SITE = "arm.read_site", "the image of an App Service site"
    ARM_LOOK_AROUND = "arm.look_around", "what was deployed around the app, for the doctor"
    ACR_LIST_REPOSITORIES = "acr.list_repositories", "the repositories of a registry"
    ACR_PULL = "acr.pull", "a manifest is pulled"
    ACR_READ_LINEAGE = "acr.read_lineage", "what an image or a chart is made of"
    KEY_VAULT_READ_SECRET = "key_vault.read_secret", "a secret is read"
    KEY_VAULT_WRITE_SECRET = "key_vault.write_secret", "a new version of a secret"
    KEY_VAULT_RECOVER_SECRET = "key_vault.recover_secret", "a deleted secret is recovered"
    KEY_VAULT_DISABLE_SECRET = "key_vault.disable_secret", "a version of a secret is disabled"
    LOG_ANALYTICS_QUERY = "log_analytics.query", "a query of a workspace"
    TABLES_READ = "tables.read", "an entity is read"
    TABLES_WRITE = "tables.write", "an entity is written; `conflict` is somebody else's faster write"
    TABLES_DELETE = "tables.delete", "an entity is deleted"
    TABLES_LIST = "tables.list", "a page of entities"
    QUEUES_SEND = "queues.send", "a message is put on a queue"
    QUEUES_LOOK = "queues.look", "how much lies on a queue, for the doctor"
    BLOBS_LIST = "blobs.list", "a page of Event Grid's dead-letter blobs"
    BLOBS_READ = "blobs.read", "a dead-letter blob is read"
    BLOBS_DELETE = "blobs.delete", "a dead-letter blob is deleted"
    BLOBS_MARK = "blobs.mark", "a dead-letter blob that can't be read is set aside"
    EVENT_GRID_PUBLISH = "event_grid.publish", "a CloudEvent is published to a topic"
    DOCKER_HUB_LOGIN = "docker_hub.login", "a login at the management API"
    DOCKER_HUB_MANAGE = "docker_hub.manage", "access tokens are listed, made, switched or deleted"
    DOCKER_HUB_PROBE = "docker_hub.probe", "the registry's verdict on a login, and the pull limit"
    CHANNEL_POST = "channel.post", "a message to Teams, Slack or a webhook"
    CHANNEL_APPRISE = "channel.apprise", "a message through Apprise"
    IDENTITY_TOKEN = "identity.token", "a token for the app's identity"

    @property
    def system(self) -> str:
        """The system that is called."""
        return self.value.partition(".")[0]

    @property
    def operation(self) -> str:
        """What is asked of it."""
        return self.value.partition(".")[2]


class Outcome(StrEnum):
    """How a piece of work or a call ended."""

    OK = "ok"
    CONFLICT = "conflict"
    ABSENT = "absent"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    DEFECT = "defect"
    CANCELLED = "cancelled"

    @property
    def is_error(self) -> bool:
        """Whether a span that ended so counts as failed: somebody else's faster write is how we share."""
        return self not in {Outcome.OK, Outcome.CONFLICT, Outcome.ABSENT}


_EXPECTED = {"changed": Outcome.CONFLICT, "table_missing": Outcome.ABSENT}
"""Codes of errors that are part of the normal course."""


def outcome_of(error: BaseException) -> Outcome:
    """How work ended that raised this."""
    if isinstance(error, CachewardenError):
        if error.code in _EXPECTED:
            return _EXPECTED[error.code]
        return Outcome.PERMANENT if isinstance(error, PermanentError) else Outcome.TEMPORARY
    return Outcome.DEFECT if isinstance(error, Exception) else Outcome.CANCELLED
