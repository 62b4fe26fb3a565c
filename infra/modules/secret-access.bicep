// Rotation: the app writes the secrets of the pair that it rotates and reads the others that it names. Nothing else in the vault.
param vaultName string
param principalId string

@description('Names of the secrets that a rotation writes.')
param written array

@description('Names of the secrets that it only reads, such as the owner\'s password.')
param readOnly array

var roles = loadJsonContent('../roles.json')

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource writtenSecrets 'Microsoft.KeyVault/vaults/secrets@2024-11-01' existing = [for secret in written: {
  parent: vault
  name: secret
}]

resource readSecrets 'Microsoft.KeyVault/vaults/secrets@2024-11-01' existing = [for secret in readOnly: {
  parent: vault
  name: secret
}]

resource writers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (secret, i) in written: {
  name: guid(vault.id, secret, principalId, roles.builtIn.keyVaultSecretsOfficer)
  scope: writtenSecrets[i]
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.builtIn.keyVaultSecretsOfficer)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}]

resource readers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (secret, i) in readOnly: {
  name: guid(vault.id, secret, principalId, roles.builtIn.keyVaultSecretsUser)
  scope: readSecrets[i]
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.builtIn.keyVaultSecretsUser)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}]
