"""What ACR's control plane says when it refuses a cache rule or a credential set.

Words that are not marked as guessed are verbatim from public reports (the sources are named in each class); most of
their HTTP statuses are not in those reports and are the natural ones. Guessed classes have a made-up code and exist
because the documentation names the rule but not the refusal, or because nothing says that the call would pass.
"""

from sandbox.frame.service import Refusal


class EnforceDockerAuthentication(Refusal):
    """A Docker Hub rule without credentials (hashicorp/terraform-provider-azurerm#27983)."""

    status = 400
    code = "EnforceDockerAuthentication"
    text = (
        "Cannot create cache rule pointing to Docker Hub without credentials. Please add a credential set to cache "
        "rule. Learn more: https://aka.ms/acr/cache-auth"
    )


class UpstreamNotSupported(Refusal):
    """The upstream isn't on ACR's list (Azure/acr#862)."""

    status = 400
    code = "UpstreamNotSupported"
    text = (
        "Unsupported upstream or login server '{host}' provided. Supported upstreams or login servers are: {supported}."
    )


class TargetRepositoryAlreadyPresent(Refusal):
    """A static rule over a repository that exists (Azure/ARO-HCP#2639)."""

    status = 409
    code = "TargetRepositoryAlreadyPresentInRegistry"
    text = (
        "Conflict: Target repository '{target}' is already present in registry. Cache rules cannot be created for "
        "existing repositories in registry. For more information, please visit https://aka.ms/acr/cache"
    )


class TargetPrefixMatchesRepositories(Refusal):
    """A wildcard rule over repositories that exist (Azure/ARO-HCP#5176)."""

    status = 409
    code = "TargetRepositoryPrefixMatchesExistingRegistries"
    text = (
        "There are one or more target repositories in the registry which match the target repository prefix '{target}'."
    )


class RepositoryNameInvalid(Refusal):
    """A tag, a digest, upper case or a stray character in a path (Azure/acr#766)."""

    status = 400
    code = "GenericRepositoryNameInvalid"
    text = (
        "Repository name {path} is invalid. Repository name should follow the standardized docker repository naming "
        "conventions. All characters should be lowercase. For more information, please visit https://aka.ms/acr/cache."
    )


class ManagedIdentityNotRegistered(Refusal):
    """A rule with an identity, which is a preview feature (Azure/acr#747)."""

    status = 400
    code = "CannotCreateCacheRuleWithManagedIdentity"
    text = (
        "Cannot create cache rule with managed identity. Please ensure the preview feature "
        "'ArtifactCacheManagedIdentityAuthentication' is registered."
    )


class IdentityNotSupported(Refusal):
    """A credential set with another identity than a system-assigned one (Azure/azure-rest-api-specs#32154)."""

    status = 400
    code = "CannotSetResourceIdentity"
    text = (
        "Resource type 'Microsoft.ContainerRegistry/registries/credentialSets' does not support creation of '{kind}' "
        "resource identity. The supported types are 'SystemAssigned'."
    )


class NameInvalid(Refusal):
    """A rule's or set's name breaks the documented pattern."""

    status = 400
    code = "InvalidResourceName"
    text = "Resource name '{name}' is invalid. It should have 5 to 50 characters: letters, digits and hyphens."
    guessed = True


class WildcardInvalid(Refusal):
    """A `*` elsewhere than as the last segment, or on one side only; documented by examples only."""

    status = 400
    code = "CacheRuleWildcardInvalid"
    text = (
        "The wildcard in source '{source}' and target '{target}' is invalid. A wildcard should be the last segment of "
        "both paths or of none."
    )
    guessed = True


class RuleOverlaps(Refusal):
    """The target overlaps another rule's; the documentation promises a message and gives no code."""

    status = 409
    code = "CacheRuleOverlapsExistingRule"
    text = (
        "There is already a cache rule '{other}' with the target repository '{taken}' which overlaps the specified "
        "target repository '{target}'."
    )
    guessed = True


class RuleQuotaReached(Refusal):
    """The registry has its documented 1,000 rules."""

    status = 409
    code = "CacheRuleQuotaReached"
    text = "The registry already has {limit} cache rules, which is the maximum."
    guessed = True


class RuleImmutable(Refusal):
    """Source and target of a rule can't change; by the API's update model, not by any document."""

    status = 409
    code = "CacheRuleImmutable"
    text = "The source and target repository of the cache rule '{name}' can't be changed. Delete the rule first."
    guessed = True


class CredentialsRequired(Refusal):
    """An upstream that the documentation calls authenticated only, other than Docker Hub."""

    status = 400
    code = "EnforceUpstreamAuthentication"
    text = "Cannot create a cache rule pointing to '{host}' without credentials."
    guessed = True


class CredentialsNotSupported(Refusal):
    """An upstream that the documentation calls unauthenticated only."""

    status = 400
    code = "UpstreamAuthenticationNotSupported"
    text = "Cannot create a cache rule pointing to '{host}' with credentials."
    guessed = True


class CredentialSetInvalid(Refusal):
    """The rule names a credential set that doesn't exist in this registry."""

    status = 400
    code = "CredentialSetNotFound"
    text = "The credential set '{id}' does not exist in this registry."
    guessed = True


class LoginServerMismatch(Refusal):
    """The rule's upstream isn't the one that its credential set logs in to."""

    status = 400
    code = "CredentialSetLoginServerMismatch"
    text = "The credential set '{name}' is for the login server '{login_server}' and not for '{host}'."
    guessed = True


class LoginServerImmutable(Refusal):
    """A credential set's login server can't change; by the API's update model, not by any document."""

    status = 409
    code = "CredentialSetLoginServerImmutable"
    text = "The login server of the credential set '{name}' can't be changed."
    guessed = True


class AuthCredentialsInvalid(Refusal):
    """Anything but one pair of secret ids."""

    status = 400
    code = "AuthCredentialsInvalid"
    text = "The authCredentials are invalid: {reason}."
    guessed = True


class CredentialSetInUse(Refusal):
    """The set is used by rules and can't be deleted."""

    status = 409
    code = "CredentialSetInUse"
    text = "The credential set '{name}' is used by the cache rule '{rule}' and can't be deleted."
    guessed = True


class OperationInProgress(Refusal):
    """Another write to the same resource hasn't ended."""

    status = 409
    code = "AnotherOperationInProgress"
    text = "Another operation on '{name}' is in progress. Retry the request after it has ended."
    guessed = True
