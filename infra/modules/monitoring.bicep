// Where the app's own logs go: Application Insights on a workspace, with Entra authentication only.
param workspaceName string
param componentName string
param location string
param tags object

@description('An existing Log Analytics workspace for the app\'s own logs, as ARM id; empty makes a new one.')
param existingWorkspaceId string = ''

@description('Days that the new workspace keeps the app\'s logs.')
@minValue(30)
@maxValue(730)
param retentionDays int = 30

@description('The app\'s identity: it alone may send telemetry.')
param publisherPrincipalId string

var roles = loadJsonContent('../roles.json')

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = if (empty(existingWorkspaceId)) {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: componentName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: empty(existingWorkspaceId) ? workspace.id : existingWorkspaceId
    DisableLocalAuth: true
    IngestionMode: 'LogAnalytics'
  }
}

resource publisher 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(component.id, publisherPrincipalId, roles.builtIn.monitoringMetricsPublisher)
  scope: component
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.builtIn.monitoringMetricsPublisher)
    principalId: publisherPrincipalId
    principalType: 'ServicePrincipal'
  }
}

output workspaceId string = empty(existingWorkspaceId) ? workspace.id : existingWorkspaceId
output componentId string = component.id
output connectionString string = component.properties.ConnectionString
