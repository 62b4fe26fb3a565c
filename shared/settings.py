"""The app's settings: which there are, what each is for, and what it is when nobody sets it."""

import ipaddress
from datetime import timedelta
from typing import Annotated, get_type_hints

import msgspec

from shared import setting_forms as forms
from shared.application.sessions import SignIn

STORAGE = "AzureWebJobsStorage"
_SIGN_IN = forms.Form("key or entra", lambda text: SignIn(text.lower()))


class Setting(msgspec.Struct, frozen=True):
    """Where a field comes from: the setting's name, its form, and whether its value may be shown."""

    name: str
    form: forms.Form
    secret: bool = False


def _from(name: str, form: forms.Form, description: str, *, secret: bool = False) -> msgspec.Meta:
    return msgspec.Meta(description=description, extra={"setting": Setting(name, form, secret)})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every app setting, read."""

    policy: Annotated[
        str, _from("CACHEWARDEN_POLICY", forms.FILE, "Path of the policy file, relative to the app's folder.")
    ]
    arm_endpoint: Annotated[
        str, _from("CACHEWARDEN_ARM_ENDPOINT", forms.ADDRESS, "Azure Resource Manager; another one in another cloud.")
    ] = "https://management.azure.com"
    arm_audience: Annotated[
        str,
        _from("CACHEWARDEN_ARM_AUDIENCE", forms.ADDRESS, "What the tokens for Azure Resource Manager are made for."),
    ] = "https://management.azure.com"
    logs_endpoint: Annotated[
        str, _from("CACHEWARDEN_LOGS_ENDPOINT", forms.ADDRESS, "The query API of Log Analytics.")
    ] = "https://api.loganalytics.io"
    logs_audience: Annotated[
        str, _from("CACHEWARDEN_LOGS_AUDIENCE", forms.ADDRESS, "What the tokens for Log Analytics are made for.")
    ] = "https://api.loganalytics.io"
    hub_endpoint: Annotated[str, _from("CACHEWARDEN_HUB_ENDPOINT", forms.ADDRESS, "Docker Hub's management API.")] = (
        "https://hub.docker.com"
    )
    hub_auth_endpoint: Annotated[
        str, _from("CACHEWARDEN_HUB_AUTH_ENDPOINT", forms.ADDRESS, "Docker Hub's token service.")
    ] = "https://auth.docker.io"
    hub_registry_endpoint: Annotated[
        str, _from("CACHEWARDEN_HUB_REGISTRY_ENDPOINT", forms.ADDRESS, "Docker Hub's registry.")
    ] = "https://registry-1.docker.io"
    lease_seconds: Annotated[
        int,
        _from(
            "CACHEWARDEN_LEASE_SECONDS",
            forms.LEASE_SECONDS,
            "How long a worker that was killed keeps others from its registry; a living one renews its lease.",
        ),
    ] = 60
    health_patience: Annotated[
        timedelta,
        _from(
            "CACHEWARDEN_HEALTH_PATIENCE",
            forms.PATIENCE,
            "How long one run waits until a new credential set is healthy, before it puts itself off.",
        ),
    ] = timedelta(seconds=90)
    verify_patience: Annotated[
        timedelta,
        _from(
            "CACHEWARDEN_VERIFY_PATIENCE",
            forms.PATIENCE,
            "How long one run waits until the registry serves through a new rule, before it puts itself off.",
        ),
    ] = timedelta(seconds=90)
    adoption_patience: Annotated[
        timedelta,
        _from(
            "CACHEWARDEN_ADOPTION_PATIENCE",
            forms.LONG_TIME,
            "How long registries may take to work with a new token, before it is taken back and the old one stays.",
        ),
    ] = timedelta(hours=1)
    give_up_after: Annotated[
        timedelta,
        _from(
            "CACHEWARDEN_GIVE_UP_AFTER",
            forms.LONG_TIME,
            "How long an incident may stay open before it counts as failed and people are told.",
        ),
    ] = timedelta(hours=1)
    largest_alert: Annotated[
        int,
        _from(
            "CACHEWARDEN_LARGEST_ALERT",
            forms.ALERT_BYTES,
            "Bytes of the largest alert that is accepted; Azure Monitor sends at most 262144.",
        ),
    ] = 262_144
    event_dead_letters: Annotated[
        str,
        _from(
            "CACHEWARDEN_EVENT_DEAD_LETTERS",
            forms.CONTAINER,
            "Container of the storage account in which Event Grid leaves the events that it could not deliver.",
        ),
    ] = "event-dead-letters"
    keep_incidents: Annotated[
        timedelta,
        _from(
            "CACHEWARDEN_KEEP_INCIDENTS",
            forms.KEEPING_TIME,
            "How long settled incidents are kept, from their last change.",
        ),
    ] = timedelta(days=365)
    keep_deliveries: Annotated[
        timedelta,
        _from(
            "CACHEWARDEN_KEEP_DELIVERIES",
            forms.KEEPING_TIME,
            "How long records of processed alerts and events are kept, from their last change.",
        ),
    ] = timedelta(days=30)
    keep_notices: Annotated[
        timedelta,
        _from(
            "CACHEWARDEN_KEEP_NOTICES",
            forms.KEEPING_TIME,
            "How long notices and what became of them are kept, from their last change.",
        ),
    ] = timedelta(days=90)
    keep_dead_letters: Annotated[
        timedelta,
        _from(
            "CACHEWARDEN_KEEP_DEAD_LETTERS",
            forms.KEEPING_TIME,
            "How long dead letters are kept, from their last change.",
        ),
    ] = timedelta(days=90)
    keep_audit: Annotated[
        timedelta,
        _from(
            "CACHEWARDEN_KEEP_AUDIT",
            forms.KEEPING_TIME,
            "How long the audit trail is kept.",
        ),
    ] = timedelta(days=730)
    keep_rotations: Annotated[
        timedelta,
        _from(
            "CACHEWARDEN_KEEP_ROTATIONS",
            forms.KEEPING_TIME,
            "How long rotations are kept, from their last change; the newest of a credential stays for good.",
        ),
    ] = timedelta(days=730)
    keep_headroom: Annotated[
        timedelta,
        _from(
            "CACHEWARDEN_KEEP_HEADROOM",
            forms.KEEPING_TIME,
            "How long readings of the pull limits are kept.",
        ),
    ] = timedelta(days=30)
    public_address: Annotated[
        str | None,
        _from(
            "CACHEWARDEN_PUBLIC_ADDRESS",
            forms.PUBLIC_ADDRESS,
            "Where people reach this app, for the links in notices; unset, notices have no link to the console.",
        ),
    ] = None
    console_sign_in: Annotated[
        SignIn,
        _from(
            "CACHEWARDEN_CONSOLE_SIGN_IN",
            _SIGN_IN,
            "Who may open the console: key, who has shown the function key; entra, whom App Service authentication "
            "has signed in and who has a role of the app.",
        ),
    ] = SignIn.KEY
    portal: Annotated[
        str, _from("CACHEWARDEN_PORTAL", forms.ADDRESS, "The Azure portal, for the links in notices.")
    ] = "https://portal.azure.com"
    app_id: Annotated[
        str | None,
        _from("CACHEWARDEN_APP_ID", forms.SITE, "This app's ARM id, by which the doctor knows what points at it."),
    ] = None
    template_version: Annotated[
        str | None,
        _from(
            "CACHEWARDEN_TEMPLATE_VERSION", forms.VERSION, "The version of the templates that this app was made with."
        ),
    ] = None
    private_receivers: Annotated[
        tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...],
        _from(
            "CACHEWARDEN_PRIVATE_RECEIVERS",
            forms.NETWORKS,
            "Networks that are not public and that webhooks may be in all the same; unset, there is none.",
        ),
    ] = ()
    log_level: Annotated[
        str, _from("CACHEWARDEN_LOG_LEVEL", forms.LEVEL, "The least severe log lines that are written.")
    ] = "INFO"
    client_id: Annotated[
        str | None,
        _from("AZURE_CLIENT_ID", forms.GUID, "The user-assigned managed identity that the app signs in as."),
    ] = None
    storage_connection: Annotated[
        str | None,
        _from(STORAGE, forms.CONNECTION, "The storage account, as a connection string with a key.", secret=True),
    ] = None
    storage_account: Annotated[
        str | None,
        _from(f"{STORAGE}__accountName", forms.ACCOUNT, "The storage account, by name and with the app's identity."),
    ] = None
    storage_table_uri: Annotated[
        str | None,
        _from(f"{STORAGE}__tableServiceUri", forms.ADDRESS, "The storage account's table service, with the identity."),
    ] = None
    storage_queue_uri: Annotated[
        str | None,
        _from(f"{STORAGE}__queueServiceUri", forms.ADDRESS, "The storage account's queue service, with the identity."),
    ] = None
    storage_blob_uri: Annotated[
        str | None,
        _from(f"{STORAGE}__blobServiceUri", forms.ADDRESS, "The storage account's blob service, with the identity."),
    ] = None
    storage_client_id: Annotated[
        str | None,
        _from(f"{STORAGE}__clientId", forms.GUID, "The user-assigned identity for the storage account, if another."),
    ] = None

    def __repr__(self) -> str:
        """Without values: one of them opens the storage account."""
        return "Settings(…)"


def described() -> dict[str, tuple[Setting, str]]:
    """Field name → where it comes from and what it is for, in the order of the reference."""
    found = {}
    for field, hint in get_type_hints(Settings, include_extras=True).items():
        meta = hint.__metadata__[0]
        found[field] = (meta.extra["setting"], meta.description)
    return found
