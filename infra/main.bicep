// Everything of Cachewarden that stands by itself. What has to point at a function, and so can only be made when the
// code is there, is wiring.bicep; scripts/azure_hooks.py deploys it with this deployment's output WIRING.
targetScope = 'subscription'

@description('Name of this installation; part of its resources\' names.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('Region of the app, its storage and its logs.')
@minLength(1)
param location string

@description('ARM ids of the registries that get cache rules, separated by commas; they may be in other subscriptions.')
@minLength(1)
param registryIds string

@description('ARM ids of the Log Analytics workspaces in which failed pulls are logged, separated by commas.')
@minLength(1)
param workspaceIds string

@description('ARM ids of the App Service sites whose failed pulls are to be cured, separated by commas.')
param siteIds string = ''

@description('Whether the registries\' role assignment mode is "RBAC Registry + ABAC Repository Permissions".')
param registriesUseAbac bool = false

@description('ARM id of the vault with the upstreams\' credentials; empty makes one.')
param vaultId string = ''

@description('Lets the app write access policies of the vault of `vaultId`. Only for a vault without roles: the right is a wide one.')
param mayWriteVaultPolicies bool = false

@description('Names of the secrets that a rotation writes, separated by commas; empty when nothing is rotated.')
param writtenSecrets string = 'dockerhub-username,dockerhub-token,dockerhub-token-next'

@description('Names of the secrets that the app only reads (the owner\'s password, addresses of channels), separated by commas.')
param readSecrets string = 'dockerhub-owner,dockerhub-owner-name'

@description('ARM id of a workspace for the app\'s own logs; empty makes one.')
param appWorkspaceId string = ''

@description('System topics that exist already: ARM id of the source in lower case → the topic\'s name, in the source\'s resource group.')
param existingSystemTopics object = {}

@description('Kinds of logs in which failed pulls raise an alert (alerts/app/*.kql), separated by commas.')
param alertSources string = 'kube_events'

@description('Severity of the alerts on failed pulls, 0 (critical) to 4.')
@minValue(0)
@maxValue(4)
param alertSeverity int = 2

@description('How often failed pulls are looked for.')
param alertFrequency string = 'PT5M'

@description('Over which time failed pulls are counted.')
param alertWindow string = 'PT5M'

@description('How long a rule is silent about a resource after it fired. Empty: it fires at each evaluation that finds failures.')
param alertMuteFor string = ''

@description('Addresses of the people who run it, separated by commas: they hear of what the app can\'t do itself.')
param operatorEmails string = ''

@description('ARM ids of action groups that hear of failed pulls as well, separated by commas.')
param moreActionGroupIds string = ''

@description('Puts the app into a virtual network, and storage and a new vault behind private endpoints.')
param vnetEnabled bool = false

@description('Addresses of that network.')
param vnetAddressPrefix string = '10.64.0.0/24'

@description('Addresses for the app, at least a /27.')
param vnetAppSubnetPrefix string = '10.64.0.0/26'

@description('Addresses for the private endpoints.')
param vnetEndpointSubnetPrefix string = '10.64.0.64/26'

@description('Client id of an Entra application for App Service authentication; empty: function keys alone.')
param authClientId string = ''

@description('Where people reach the app, https://… without a path, when it has a domain of its own. Empty: its own host name.')
param publicAddress string = ''

@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int = 2048

@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Instances kept warm for alerts; each costs, 0 costs nothing.')
@minValue(0)
param alwaysReadyHttp int = 0

@description('Redundancy of the storage account; a region without zones wants Standard_LRS.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
])
param storageSku string = 'Standard_ZRS'

@description('Spans and metrics of the app itself (docs/telemetry.md); they cost its cold start about half a second.')
param exportFromWorker bool = true

@description('Path of the policy file in the package.')
param policyFile string = 'policy.yaml'

@description('More tags for every resource.')
param tags object = {}

var suffix = uniqueString(subscription().id, environmentName)
var allTags = union(tags, { 'azd-env-name': environmentName, application: 'cachewarden' })
var registries = filter(split(registryIds, ','), id => !empty(id))
var workspaces = filter(split(workspaceIds, ','), id => !empty(id))
var writtenList = filter(split(writtenSecrets, ','), name => !empty(name))
var readList = filter(split(readSecrets, ','), name => !empty(name))
var sites = filter(split(siteIds, ','), id => !empty(id))
var siteSubscriptions = map(sites, id => '/subscriptions/${split(id, '/')[2]}')
var sources = filter(split(alertSources, ','), name => !empty(name))
var emails = filter(split(operatorEmails, ','), email => !empty(email))
var moreActionGroups = filter(split(moreActionGroupIds, ','), id => !empty(id))
var registrySubscriptions = map(registries, id => '/subscriptions/${split(id, '/')[2]}')
var registryGroups = map(registries, id => '/subscriptions/${split(id, '/')[2]}/resourceGroups/${split(id, '/')[4]}')
var subscriptions = union(registrySubscriptions, registrySubscriptions)
var groups = union(registryGroups, registryGroups)
var topics = existingSystemTopics
var packageContainer = 'app-package'
var deadLetterContainer = 'event-dead-letters'
var groupName = 'rg-cachewarden-${environmentName}'
var newVaultName = 'kv-cw-${suffix}'
var newVaultId = '${subscription().id}/resourceGroups/${groupName}/providers/Microsoft.KeyVault/vaults/${newVaultName}'
var vault = empty(vaultId) ? newVaultId : vaultId
var vaultKey = toLower(vault)
var vaultTopicName = contains(topics, vaultKey) ? topics[vaultKey] : 'evgst-${take(split(vault, '/')[8], 30)}-${suffix}'
var registryTopicNames = [for id in registries: contains(topics, toLower(id)) ? topics[toLower(id)] : 'evgst-${take(split(id, '/')[8], 30)}-${suffix}']
var groupTopicNames = [for id in groups: contains(topics, toLower(id)) ? topics[toLower(id)] : 'evgst-group-${uniqueString(id)}-${suffix}']

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: groupName
  location: location
  tags: allTags
}

module appIdentity './modules/identity.bicep' = {
  name: 'app-identity-${suffix}'
  scope: group
  params: {
    name: 'id-cachewarden-${suffix}'
    location: location
    tags: allTags
  }
}

module eventsIdentity './modules/identity.bicep' = {
  name: 'events-identity-${suffix}'
  scope: group
  params: {
    name: 'id-cachewarden-events-${suffix}'
    location: location
    tags: allTags
  }
}

module monitoring './modules/monitoring.bicep' = {
  name: 'monitoring-${suffix}'
  scope: group
  params: {
    workspaceName: 'log-cachewarden-${suffix}'
    componentName: 'appi-cachewarden-${suffix}'
    location: location
    tags: allTags
    existingWorkspaceId: appWorkspaceId
    publisherPrincipalId: appIdentity.outputs.principalId
  }
}

module storage './modules/storage.bicep' = {
  name: 'storage-${suffix}'
  scope: group
  params: {
    name: 'stcw${suffix}'
    location: location
    tags: allTags
    sku: storageSku
    publicAccess: !vnetEnabled
    packageContainer: packageContainer
    deadLetterContainer: deadLetterContainer
    appPrincipalId: appIdentity.outputs.principalId
    eventsPrincipalId: eventsIdentity.outputs.principalId
  }
}

module newVault './modules/vault.bicep' = if (empty(vaultId)) {
  name: 'vault-${suffix}'
  scope: group
  params: {
    name: newVaultName
    location: location
    tags: allTags
    publicAccess: !vnetEnabled
  }
}

module network './modules/network.bicep' = if (vnetEnabled) {
  name: 'network-${suffix}'
  scope: group
  params: {
    name: 'vnet-cachewarden-${suffix}'
    location: location
    tags: allTags
    storageId: storage.outputs.id
    vaultId: empty(vaultId) ? newVaultId : ''
    addressPrefix: vnetAddressPrefix
    appSubnetPrefix: vnetAppSubnetPrefix
    endpointSubnetPrefix: vnetEndpointSubnetPrefix
  }
  dependsOn: [
    newVault
  ]
}

module topic './modules/topic.bicep' = {
  name: 'topic-${suffix}'
  scope: group
  params: {
    name: 'evgt-cachewarden-${suffix}'
    location: location
    tags: allTags
    senderPrincipalId: appIdentity.outputs.principalId
  }
}

module app './modules/app.bicep' = {
  name: 'app-${suffix}'
  scope: group
  params: {
    name: 'func-cachewarden-${suffix}'
    planName: 'plan-cachewarden-${suffix}'
    location: location
    tags: allTags
    identityId: appIdentity.outputs.id
    identityClientId: appIdentity.outputs.clientId
    blobEndpoint: storage.outputs.blobEndpoint
    queueEndpoint: storage.outputs.queueEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    packageContainer: packageContainer
    deadLetterContainer: deadLetterContainer
    insightsConnectionString: monitoring.outputs.connectionString
    subnetId: network.?outputs.appSubnetId ?? ''
    exportFromWorker: exportFromWorker
    policyFile: policyFile
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyHttp: alwaysReadyHttp
    authClientId: authClientId
    publicAddress: publicAddress
  }
}

module operatorRole './modules/custom-role.bicep' = {
  name: 'operator-role-${suffix}'
  params: {
    key: 'operator'
    suffix: suffix
    assignableScopes: subscriptions
  }
}

module siteReaderRole './modules/custom-role.bicep' = {
  name: 'site-reader-role-${suffix}'
  params: {
    key: 'siteReader'
    suffix: suffix
    assignableScopes: union(subscriptions, siteSubscriptions)
  }
}

module siteAccess './modules/site-access.bicep' = [for (id, i) in sites: {
  name: 'site-access-${i}-${suffix}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    siteName: split(id, '/')[8]
    principalId: appIdentity.outputs.principalId
    siteReaderRole: siteReaderRole.outputs.roleName
  }
}]

module registryAccess './modules/registry-access.bicep' = [for (id, i) in registries: {
  name: 'registry-access-${i}-${suffix}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    registryName: split(id, '/')[8]
    principalId: appIdentity.outputs.principalId
    operatorRole: operatorRole.outputs.roleName
    abac: registriesUseAbac
  }
}]

module workspaceAccess './modules/workspace-access.bicep' = [for (id, i) in workspaces: {
  name: 'workspace-access-${i}-${suffix}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    workspaceName: split(id, '/')[8]
    principalId: appIdentity.outputs.principalId
  }
}]

module vaultAccess './modules/vault-access.bicep' = {
  name: 'vault-access-${suffix}'
  scope: resourceGroup(split(vault, '/')[2], split(vault, '/')[4])
  params: {
    vaultName: split(vault, '/')[8]
    principalId: appIdentity.outputs.principalId
  }
  dependsOn: [
    newVault
  ]
}

module vaultPolicyWriterRole './modules/custom-role.bicep' = if (mayWriteVaultPolicies) {
  name: 'vault-policy-writer-role-${suffix}'
  params: {
    key: 'vaultPolicyWriter'
    suffix: suffix
    assignableScopes: [
      '/subscriptions/${split(vault, '/')[2]}'
    ]
  }
}

module vaultPolicies './modules/vault-policies.bicep' = if (mayWriteVaultPolicies) {
  name: 'vault-policies-${suffix}'
  scope: resourceGroup(split(vault, '/')[2], split(vault, '/')[4])
  params: {
    vaultName: split(vault, '/')[8]
    principalId: appIdentity.outputs.principalId
    vaultPolicyWriterRole: vaultPolicyWriterRole.?outputs.roleName ?? ''
  }
  dependsOn: [
    newVault
  ]
}

module registryTopics './modules/system-topic.bicep' = [for (id, i) in registries: {
  name: 'registry-topic-${i}-${suffix}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    name: registryTopicNames[i]
    location: registryAccess[i].outputs.location
    tags: allTags
    sourceId: id
    topicType: 'Microsoft.ContainerRegistry.Registries'
    exists: contains(topics, toLower(id))
    eventsIdentityId: eventsIdentity.outputs.id
  }
}]

module groupTopics './modules/system-topic.bicep' = [for (id, i) in groups: {
  name: 'group-topic-${i}-${suffix}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    name: groupTopicNames[i]
    location: 'global'
    tags: allTags
    sourceId: id
    topicType: 'Microsoft.Resources.ResourceGroups'
    exists: contains(topics, toLower(id))
    eventsIdentityId: eventsIdentity.outputs.id
  }
}]

module vaultTopic './modules/system-topic.bicep' = {
  name: 'vault-topic-${suffix}'
  scope: resourceGroup(split(vault, '/')[2], split(vault, '/')[4])
  params: {
    name: vaultTopicName
    location: vaultAccess.outputs.location
    tags: allTags
    sourceId: vault
    topicType: 'Microsoft.KeyVault.vaults'
    exists: contains(topics, vaultKey)
    eventsIdentityId: eventsIdentity.outputs.id
  }
}

module operatorAlerts './modules/operator-alerts.bicep' = {
  name: 'operator-alerts-${suffix}'
  scope: group
  params: {
    location: location
    tags: allTags
    suffix: suffix
    workspaceId: monitoring.outputs.workspaceId
    emails: emails
  }
}

module workbook './modules/workbook.bicep' = {
  name: 'workbook-${suffix}'
  scope: group
  params: {
    location: location
    tags: allTags
    workspaceId: monitoring.outputs.workspaceId
    quotedWorkspaceIds: join(map(union([monitoring.outputs.workspaceId], workspaces), id => '"${id}"'), ',')
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_APP string = app.outputs.name
output CACHEWARDEN_URL string = 'https://${app.outputs.host}'

@description('Ids by which the query API knows the workspaces.')
output WORKSPACE_CUSTOMER_IDS array = [for (id, i) in workspaces: workspaceAccess[i].outputs.customerId]

@description('What a first policy file needs to know; scripts/azure_hooks.py writes it.')
output POLICY_FACTS object = {
  registries: registries
  vault: vaultAccess.outputs.uri
  vaultId: vault
  topic: topic.outputs.endpoint
}

@description('The parameters of wiring.bicep.')
output WIRING object = {
  location: location
  tags: allTags
  suffix: suffix
  groupName: group.name
  functionAppName: app.outputs.name
  functionAppId: app.outputs.id
  principalId: appIdentity.outputs.principalId
  registryIds: registries
  registryTopicNames: registryTopicNames
  groupIds: groups
  groupTopicNames: groupTopicNames
  vaultId: vault
  vaultTopicName: vaultTopicName
  writtenSecrets: writtenList
  readSecrets: readList
  workspaceIds: workspaces
  alertSources: sources
  alertSeverity: alertSeverity
  alertFrequency: alertFrequency
  alertWindow: alertWindow
  alertMuteFor: alertMuteFor
  moreActionGroupIds: moreActionGroups
  storageAccountId: storage.outputs.id
  deadLetterContainer: deadLetterContainer
  eventsIdentityId: eventsIdentity.outputs.id
}
