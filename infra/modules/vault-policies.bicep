// A vault with access policies: lets the app write one for a credential set. The right can open anything in the vault to
// anybody, and no condition narrows it; that is why it is given only where the deployer says so.
param vaultName string
param principalId string

@description('GUID of the vault policy writer role.')
param vaultPolicyWriterRole string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource writer 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, vaultPolicyWriterRole)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', vaultPolicyWriterRole)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
