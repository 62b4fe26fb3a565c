"""What stops the host, or one function of the app, at start; errors say what was found where and what is expected."""

from shared.errors import PermanentError


class HostError(PermanentError):
    """The host can't start."""

    code = "host"


class HostConfigurationError(HostError):
    """`host.json`, `local.settings.json` or a setting has a value that the real host refuses as well."""

    code = "host_configuration"


class WorkerError(HostError):
    """The worker rejected the app: the message and the stack trace are the worker's."""

    code = "worker"


class BindingError(HostError):
    """One function's binding is wrong; as in Azure, that function is in error and the others run."""

    code = "binding"
