"""The tables of a workspace with their columns and types, as Azure Monitor's table reference lists them.

Kept here once: the sandbox's engine creates its tables from them, and the tests hand the same definitions to Kusto's
language service. A column that only the sandbox had would let a query pass here and fail in Azure.
Source: https://learn.microsoft.com/azure/azure-monitor/reference/tables-index (as of 2024-07); the `_CL` tables are
observed in public queries, their columns are not documented.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec


class ColumnType(StrEnum):
    """Azure Monitor's names of the column types."""

    STRING = "string"
    DATETIME = "datetime"
    INT = "int"
    LONG = "long"
    REAL = "real"
    BOOL = "bool"
    GUID = "guid"
    DYNAMIC = "dynamic"
    TIMESPAN = "timespan"


class Table(msgspec.Struct, frozen=True):
    """One table: its name, and its columns in the order in which a query without `project` returns them."""

    name: str
    columns: dict[str, ColumnType]

    def kusto_schema(self) -> str:
        """The schema as Kusto's language service reads it: `(TimeGenerated:datetime, Name:string)`."""
        return "(" + ", ".join(f"{name}:{kind}" for name, kind in self.columns.items()) + ")"


_STANDARD: Final = "Type SourceSystem _ResourceId _SubscriptionId _IsBillable _BilledSize:real"
_KUBERNETES_AUDIT: Final = (
    "AuditId Level Stage Verb RequestUri User:dynamic UserAgent SourceIps:dynamic ObjectRef:dynamic "
    "ResponseStatus:dynamic RequestObject:dynamic ResponseObject:dynamic Annotations:dynamic PodName "
    "RequestReceivedTime:datetime StageReceivedTime:datetime"
)
_TELEMETRY: Final = (
    "Properties:dynamic Measurements:dynamic OperationName OperationId ParentId AppVersion AppRoleName AppRoleInstance "
    "ClientType IKey SDKVersion ItemCount:int ResourceGUID"
)
# Name -> columns after TimeGenerated and before the standard ones; a column without a type is a string.
_DEFINITIONS: Final = {
    "KubeEvents": (
        "Computer ClusterName ClusterId ObjectKind Namespace Name Reason Message KubeEventType SourceComponent "
        "Count:real FirstSeen:datetime LastSeen:datetime"
    ),
    "KubePodInventory": (
        "Computer ClusterName ClusterId Namespace Name PodUid PodStatus PodIp PodLabel PodRestartCount:int "
        "PodCreationTimeStamp:datetime PodStartTime:datetime ControllerKind ControllerName ServiceName InstanceName "
        "ContainerID ContainerName ContainerStatus ContainerStatusReason ContainerLastStatus ContainerRestartCount:int "
        "ContainerCreationTimeStamp:datetime ContainerStartTime:datetime"
    ),
    "ContainerInventory": (
        "TenantId Computer ContainerID Name ContainerHostname ImageID Repository Image ImageTag ContainerState Ports "
        "Links ExitCode:int ComposeGroup EnvironmentVar Command CreatedTime:datetime StartedTime:datetime "
        "FinishedTime:datetime"
    ),
    "ContainerLogV2": (
        "TenantId Computer ContainerId ContainerName PodName PodNamespace LogMessage:dynamic LogSource LogLevel "
        "KubernetesMetadata:dynamic"
    ),
    "AKSAudit": "TenantId " + _KUBERNETES_AUDIT,
    "AKSAuditAdmin": "TenantId " + _KUBERNETES_AUDIT,
    "AKSControlPlane": "TenantId Category Level Message PodName Stream",
    "ContainerAppSystemLogs": (
        "TenantId Location OperationName EnvironmentName ContainerAppName JobName RevisionName ReplicaName "
        "ContainerName ComponentName ComponentType EventSource Reason Log Count:int"
    ),
    "ContainerAppSystemLogs_CL": (
        "TenantId EnvironmentName_s ContainerAppName_s JobName_s RevisionName_s ReplicaName_s EventSource_s Reason_s "
        "Log_s Type_s Count_d:real time_t:datetime"
    ),
    "ContainerInstanceLog": (
        "TenantId Location ContainerGroup ContainerID ContainerName ContainerImage OSType Source Message"
    ),
    "ContainerInstanceLog_CL": "TenantId ContainerGroup_s ContainerID_s ContainerImage_s OSType_s Source_s Message",
    "ContainerEvent_CL": "TenantId ContainerGroup_s Reason_s Message Count_d:real",
    "AppServicePlatformLogs": (
        "TenantId Host ContainerId DeploymentId ActivityId OperationName Level Message Exception StackTrace"
    ),
    "AppServiceConsoleLogs": "TenantId Host ContainerId Category Level OperationName ResultDescription",
    "AmlComputeJobEvent": (
        "TenantId OperationName InternalOperationName EventType ExecutionState ProvisioningState ResultSignature "
        "ClusterId ClusterName ClusterResourceGroupName CreationApiVersion CustomerSubscriptionId ExperimentId "
        "ExperimentName JobId JobName JobErrorMessage ErrorDetails NodeId ResourceGroupName RunInContainer "
        "TFParameterServerCount TFWorkerCount ToolType WorkspaceName"
    ),
    "AmlOnlineEndpointEventLog": "TenantId OperationName DeploymentName InstanceId Name Message",
    "ContainerRegistryRepositoryEvents": (
        "TenantId OperationName Category CorrelationId Region LoginServer Repository Tag Digest MediaType ArtifactType "
        "Size:int DurationMs CallerIpAddress Identity UserAgent UserTenantId ResultType ResultDescription"
    ),
    "ContainerRegistryLoginEvents": (
        "TenantId OperationName Category CorrelationId Region LoginServer JwtId DurationMs CallerIpAddress Identity "
        "UserAgent ResultType ResultDescription"
    ),
    "Syslog": (
        "Computer HostName HostIP CollectorHostName EventTime:datetime Facility SeverityLevel ProcessName "
        "ProcessID:int SyslogMessage MG:guid"
    ),
    "AzureActivity": (
        "TenantId OperationName OperationNameValue OperationId Level Category CategoryValue ActivityStatus "
        "ActivityStatusValue ActivitySubstatus ActivitySubstatusValue Authorization Authorization_d:dynamic Caller "
        "CallerIpAddress Claims Claims_d:dynamic CorrelationId EventDataId EventSubmissionTimestamp:datetime Hierarchy "
        "HTTPRequest Properties Properties_d:dynamic Resource ResourceGroup ResourceId ResourceProvider "
        "ResourceProviderValue SubscriptionId"
    ),
    "AppTraces": "TenantId Message SeverityLevel:int " + _TELEMETRY,
    "AppRequests": (
        "TenantId Id Source Name Url Success:bool ResultCode DurationMs:real PerformanceBucket " + _TELEMETRY
    ),
    "AppDependencies": (
        "TenantId Id Target DependencyType Name Data Success:bool ResultCode DurationMs:real PerformanceBucket "
        + _TELEMETRY
    ),
    "AppMetrics": "TenantId Name Min:real Max:real Sum:real " + _TELEMETRY.replace("Measurements:dynamic ", ""),
    "AzureDiagnostics": (
        "TenantId Resource ResourceGroup ResourceId ResourceProvider ResourceType SubscriptionId OperationName "
        "OperationVersion Category CorrelationId Level ResultType ResultSignature ResultDescription DurationMs:long "
        "CallerIPAddress log_s pod_s containerID_s stream_s"
    ),
}


def _table(name: str, definition: str) -> Table:
    columns = {"TimeGenerated": ColumnType.DATETIME}
    for column in f"{definition} {_STANDARD}".split():
        label, _, kind = column.partition(":")
        columns[label] = ColumnType(kind or "string")
    return Table(name, columns)


TABLES: Final = MappingProxyType({name: _table(name, definition) for name, definition in _DEFINITIONS.items()})
"""Every table of a workspace, by name."""
