// Lets the app give credential sets access to their secrets: one role, to service principals, on this vault only.
param vaultName string
param principalId string

var roles = loadJsonContent('../roles.json')
var condition = loadTextContent('../only-secrets-user.condition')

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource grantor 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, roles.builtIn.rbacAdministrator)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.builtIn.rbacAdministrator)
    principalId: principalId
    principalType: 'ServicePrincipal'
    condition: condition
    conditionVersion: '2.0'
  }
}

output uri string = vault.properties.vaultUri
output location string = vault.location
