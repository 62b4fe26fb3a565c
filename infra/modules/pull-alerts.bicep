// Failed pulls call the function: the action group with the function's key, and a rule a source and workspace.
param location string
param tags object
param suffix string
param functionAppName string

@description('The rules: `workspace` (ARM id) and `source` (name of a file in alerts/app).')
param wanted array

@minValue(0)
@maxValue(4)
param severity int
param frequency string
param window string
param muteFor string

@description('Action groups of your own that hear of the same alerts.')
param moreActionGroupIds array

var queries = {
  aks_audit: loadTextContent('../alerts/app/aks_audit.kql')
  app_service: loadTextContent('../alerts/app/app_service.kql')
  azure_diagnostics: loadTextContent('../alerts/app/azure_diagnostics.kql')
  container_apps: loadTextContent('../alerts/app/container_apps.kql')
  container_instances: loadTextContent('../alerts/app/container_instances.kql')
  kube_events: loadTextContent('../alerts/app/kube_events.kql')
  registry_events: loadTextContent('../alerts/app/registry_events.kql')
  syslog: loadTextContent('../alerts/app/syslog.kql')
}

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: functionAppName
}

resource cure 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-cachewarden-cure-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'cachewarden'
    enabled: true
    azureFunctionReceivers: [
      {
        name: 'alerts'
        functionAppResourceId: app.id
        functionName: 'alerts'
        httpTriggerUrl: 'https://${app.properties.defaultHostName}/api/alerts?code=${listKeys('${app.id}/host/default', app.apiVersion).functionKeys.default}'
        useCommonAlertSchema: true
      }
    ]
  }
}

module rules './log-alert.bicep' = [for (entry, i) in wanted: {
  name: 'pulls-${i}-${suffix}'
  params: {
    name: 'alert-pulls-${replace(entry.source, '_', '-')}-${uniqueString(entry.workspace)}-${suffix}'
    displayName: 'Image pulls fail at a limit (${entry.source})'
    about: 'Pulls fail because a pull limit was reached. Cachewarden is called and cures it.'
    location: location
    tags: tags
    workspaceId: entry.workspace
    query: queries[entry.source]
    measure: 'Failures'
    dimension: '_ResourceId'
    severity: severity
    frequency: frequency
    window: window
    stateful: false
    muteFor: muteFor
    actionGroupIds: concat([cure.id], moreActionGroupIds)
  }
}]

output actionGroupId string = cure.id
