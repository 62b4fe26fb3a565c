// What the app may do on one registry: its own role, and pull, by which it proves a cure.
param registryName string
param principalId string

@description('GUID of the operator role.')
param operatorRole string

@description('Whether the registry\'s role assignment mode is "RBAC Registry + ABAC Repository Permissions", which ignores AcrPull.')
param abac bool

var roles = loadJsonContent('../roles.json')
var contentRoles = abac ? [roles.builtIn.registryRepositoryReader, roles.builtIn.registryCatalogLister] : [roles.builtIn.acrPull]
var given = concat([operatorRole], contentRoles)

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' existing = {
  name: registryName
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in given: {
  name: guid(registry.id, principalId, role)
  scope: registry
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}]

output location string = registry.location
