// What points at functions: event subscriptions, the action group with the function's key, the alert rules on failed
// pulls; and the roles on single secrets, which have to be there first. Deployed by scripts/azure_hooks.py after the code, as often as
// you like. Event Grid and action groups refuse a function that does not exist (documented), so `functions` says which do.
targetScope = 'subscription'

param location string
param tags object
param suffix string
param groupName string
param functionAppName string
param functionAppId string
param principalId string
param registryIds array
param registryTopicNames array
param groupIds array
param groupTopicNames array
param vaultId string
param vaultTopicName string
param writtenSecrets array
param readSecrets array
param workspaceIds array
param alertSources array
param alertSeverity int
param alertFrequency string
param alertWindow string
param alertMuteFor string
param moreActionGroupIds array
param storageAccountId string
param deadLetterContainer string
param eventsIdentityId string

@description('The functions that the app has; subscriptions to others wait for the next run.')
param functions array

@description('The secrets that the vault has; roles on others wait for the next run.')
param secrets array

var events = loadJsonContent('./events.json')
var registryEvents = filter(events.registry, event => contains(functions, event.function))
var groupEvents = filter(events.group, event => contains(functions, event.function))
var vaultEvents = filter(events.vault, event => contains(functions, event.function))
var registryIndexes = range(0, length(registryIds))
var groupIndexes = range(0, length(groupIds))
var registryPairs = flatten(map(registryIndexes, i => map(registryEvents, event => { index: i, event: event })))
var groupPairs = flatten(map(groupIndexes, i => map(groupEvents, event => { index: i, event: event })))
var pullAlertPairs = flatten(map(workspaceIds, id => map(alertSources, source => { workspace: id, source: source })))
var written = intersection(writtenSecrets, secrets)
var readOnly = intersection(readSecrets, secrets)
var named = union(writtenSecrets, readSecrets)

module registrySubscriptions './modules/event-subscription.bicep' = [for (pair, i) in registryPairs: {
  name: 'registry-subscription-${i}-${suffix}'
  scope: resourceGroup(split(registryIds[pair.index], '/')[2], split(registryIds[pair.index], '/')[4])
  params: {
    topicName: registryTopicNames[pair.index]
    name: 'cachewarden-${replace(pair.event.function, '_', '-')}-${suffix}'
    functionId: '${functionAppId}/functions/${pair.event.function}'
    includedEventTypes: pair.event.includedEventTypes
    subjectBeginsWith: ''
    advancedFilters: []
    storageAccountId: storageAccountId
    deadLetterContainer: deadLetterContainer
    eventsIdentityId: eventsIdentityId
  }
}]

// A resource group has other resources: only writes and deletes of our registries' rules and credential sets are wanted.
module groupSubscriptions './modules/event-subscription.bicep' = [for (pair, i) in groupPairs: {
  name: 'group-subscription-${i}-${suffix}'
  scope: resourceGroup(split(groupIds[pair.index], '/')[2], split(groupIds[pair.index], '/')[4])
  params: {
    topicName: groupTopicNames[pair.index]
    name: 'cachewarden-${replace(pair.event.function, '_', '-')}-${suffix}'
    functionId: '${functionAppId}/functions/${pair.event.function}'
    includedEventTypes: pair.event.includedEventTypes
    subjectBeginsWith: ''
    advancedFilters: [
      {
        operatorType: 'StringIn'
        key: 'data.operationName'
        values: pair.event.operations
      }
      {
        operatorType: 'StringBeginsWith'
        key: 'subject'
        values: registryIds
      }
    ]
    storageAccountId: storageAccountId
    deadLetterContainer: deadLetterContainer
    eventsIdentityId: eventsIdentityId
  }
}]

// The subject of a vault's event is the secret's name (documented); the vault has others, which are not our business.
module vaultSubscriptions './modules/event-subscription.bicep' = [for (event, i) in vaultEvents: {
  name: 'vault-subscription-${i}-${suffix}'
  scope: resourceGroup(split(vaultId, '/')[2], split(vaultId, '/')[4])
  params: {
    topicName: vaultTopicName
    name: 'cachewarden-${replace(event.function, '_', '-')}-${suffix}'
    functionId: '${functionAppId}/functions/${event.function}'
    includedEventTypes: event.includedEventTypes
    subjectBeginsWith: ''
    advancedFilters: [
      {
        operatorType: 'StringIn'
        key: 'subject'
        values: named
      }
    ]
    storageAccountId: storageAccountId
    deadLetterContainer: deadLetterContainer
    eventsIdentityId: eventsIdentityId
  }
}]

module secretAccess './modules/secret-access.bicep' = {
  name: 'secret-access-${suffix}'
  scope: resourceGroup(split(vaultId, '/')[2], split(vaultId, '/')[4])
  params: {
    vaultName: split(vaultId, '/')[8]
    principalId: principalId
    written: written
    readOnly: readOnly
  }
}

module pullAlerts './modules/pull-alerts.bicep' = {
  name: 'pull-alerts-${suffix}'
  scope: resourceGroup(groupName)
  params: {
    location: location
    tags: tags
    suffix: suffix
    functionAppName: functionAppName
    wanted: pullAlertPairs
    severity: alertSeverity
    frequency: alertFrequency
    window: alertWindow
    muteFor: alertMuteFor
    moreActionGroupIds: moreActionGroupIds
  }
}
