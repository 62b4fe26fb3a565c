// Alerts on ourselves: what the app cannot cure or cannot tell, told to the people who run it.
param location string
param tags object
param suffix string

@description('The workspace with the app\'s own logs.')
param workspaceId string

@description('Addresses that are told.')
param emails array

var alerts = loadJsonContent('../alerts/own/alerts.json')
var queries = {
  app_errors: loadTextContent('../alerts/own/app_errors.kql')
  credential_expiry: loadTextContent('../alerts/own/credential_expiry.kql')
  incidents_failed: loadTextContent('../alerts/own/incidents_failed.kql')
  poison_messages: loadTextContent('../alerts/own/poison_messages.kql')
  rotations_failed: loadTextContent('../alerts/own/rotations_failed.kql')
  sweep_missing: loadTextContent('../alerts/own/sweep_missing.kql')
}

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-cachewarden-operators-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'cachew-ops'
    enabled: true
    emailReceivers: [for (email, i) in emails: {
      name: 'operator-${i}'
      emailAddress: email
      useCommonAlertSchema: true
    }]
  }
}

module rules './log-alert.bicep' = [for alert in alerts: {
  name: 'own-${alert.name}-${suffix}'
  params: {
    name: 'alert-cachewarden-${replace(alert.name, '_', '-')}-${suffix}'
    displayName: 'Cachewarden: ${alert.title}'
    about: alert.description
    location: location
    tags: tags
    workspaceId: workspaceId
    query: queries[alert.name]
    measure: 'Times'
    dimension: ''
    operator: alert.operator
    threshold: alert.threshold
    severity: alert.severity
    frequency: alert.frequency
    window: alert.window
    stateful: true
    actionGroupIds: [
      operators.id
    ]
  }
}]

output actionGroupId string = operators.id
