"""ARM's JSON: resources, registries and role assignments as the service writes them.

An absent value is left out and never null, because the API description allows no null there.
"""

from datetime import datetime
from typing import Any

from sandbox.arm.access import RoleAssignment
from sandbox.arm.health import Health
from sandbox.arm.inventory import Resource, Subscription
from sandbox.arm.operations import Operation
from sandbox.arm.registries import CacheRule, CredentialSet, Registry
from sandbox.arm.roles import RoleDefinition
from sandbox.identity.tokens import TENANT_ID

_ACR = "Microsoft.ContainerRegistry/registries"


def registry_document(registry: Registry) -> dict[str, Any]:
    """A registry."""
    return {
        "type": _ACR,
        "id": registry.id,
        "name": registry.name,
        "location": registry.location,
        "tags": {},
        "sku": {"name": "Standard", "tier": "Standard"},
        "properties": {
            "loginServer": registry.login_server,
            "creationDate": _time(registry.created_on),
            "provisioningState": "Succeeded",
            "adminUserEnabled": False,
            "anonymousPullEnabled": False,
            "publicNetworkAccess": registry.network.public_access,
            "networkRuleSet": {"defaultAction": registry.network.default_action, "ipRules": []},
            "networkRuleBypassOptions": registry.network.bypass,
            "roleAssignmentMode": "LegacyRegistryPermissions",
        },
    }


def rule_document(rule: CacheRule) -> dict[str, Any]:
    """A cache rule."""
    properties = {
        "sourceRepository": rule.source,
        "targetRepository": rule.target,
        "creationDate": _time(rule.created_on),
        "provisioningState": rule.state.value,
    }
    if rule.credential_set is not None:
        properties["credentialSetResourceId"] = rule.credential_set
    return {"type": f"{_ACR}/cacheRules", "id": rule.id, "name": rule.name, "properties": properties}


def credential_set_document(found: CredentialSet, health: Health) -> dict[str, Any]:
    """A credential set with the verdict on its one credential."""
    verdict = {"status": "Healthy" if health.healthy else "Unhealthy"}
    if not health.healthy:
        verdict |= {"errorCode": health.code, "errorMessage": health.message}
    return {
        "type": f"{_ACR}/credentialSets",
        "identity": {"principalId": found.principal_id, "tenantId": TENANT_ID, "type": "SystemAssigned"},
        "id": found.id,
        "name": found.name,
        "properties": {
            "loginServer": found.login_server,
            "authCredentials": [
                {
                    "name": "Credential1",
                    "usernameSecretIdentifier": found.credential.username_secret,
                    "passwordSecretIdentifier": found.credential.password_secret,
                    "credentialHealth": verdict,
                }
            ],
            "creationDate": _time(found.created_on),
            "provisioningState": found.state.value,
        },
    }


def operation_document(operation: Operation) -> dict[str, Any]:
    """An operation's status; a failed one carries its error."""
    document: dict[str, Any] = {
        "id": f"{operation.resource_id}/operationStatuses/{operation.name}",
        "name": operation.name,
        "status": operation.state.value,
        "startTime": _time(operation.started),
    }
    if operation.ended is not None:
        document["endTime"] = _time(operation.ended)
    if operation.ended is not None and operation.failure is not None:
        document["error"] = {"code": operation.failure.code, "message": operation.failure.message}
    return document


def assignment_document(assignment: RoleAssignment) -> dict[str, Any]:
    """A role assignment."""
    properties: dict[str, Any] = {
        "roleDefinitionId": _definition_id(assignment.role, assignment.scope),
        "principalId": assignment.principal_id,
        "principalType": assignment.principal_type,
        "scope": assignment.scope,
        "condition": assignment.condition,
        "conditionVersion": "2.0" if assignment.condition else None,
        "createdOn": _time(assignment.created_on),
        "updatedOn": _time(assignment.created_on),
    }
    return {
        "properties": properties,
        "id": f"{assignment.scope}/providers/Microsoft.Authorization/roleAssignments/{assignment.name}",
        "type": "Microsoft.Authorization/roleAssignments",
        "name": assignment.name,
    }


def definition_document(definition: RoleDefinition, scope: str) -> dict[str, Any]:
    """A role definition as it is seen from a scope."""
    return {
        "properties": {
            "roleName": definition.name,
            "type": "CustomRole" if definition.custom else "BuiltInRole",
            "description": "",
            "assignableScopes": ["/"],
            "permissions": [permission_document(definition)],
        },
        "id": _definition_id(definition.id, scope),
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": definition.id,
    }


def permission_document(definition: RoleDefinition) -> dict[str, Any]:
    """What a role allows, as definitions and the list of one's own permissions have it."""
    return {
        "actions": list(definition.actions),
        "notActions": list(definition.not_actions),
        "dataActions": list(definition.data_actions),
        "notDataActions": list(definition.not_data_actions),
    }


def resource_document(resource: Resource, *, full: bool) -> dict[str, Any]:
    """Any resource; its properties come only when it is read by itself."""
    document: dict[str, Any] = {
        "id": resource.id,
        "name": resource.name,
        "type": resource.type,
        "location": resource.location,
        "tags": {},
    }
    if resource.identity:
        document["identity"] = resource.identity
    return document | {"properties": resource.properties} if full else document


def subscription_document(subscription: Subscription) -> dict[str, Any]:
    """A subscription of the sandbox's tenant."""
    return {
        "id": f"/subscriptions/{subscription.id}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription.id,
        "tenantId": TENANT_ID,
        "displayName": subscription.name,
        "state": "Enabled",
        "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01"},
    }


def _definition_id(role: str, scope: str) -> str:
    segments = scope.strip("/").split("/")
    subscription = f"/subscriptions/{segments[1]}" if segments[0].lower() == "subscriptions" else ""
    return f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"


def _time(moment: datetime) -> str:
    return moment.isoformat()
