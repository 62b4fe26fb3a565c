// Lets the app see which image a site runs: App Service's logs of failed pulls name none.
param siteName string
param principalId string

@description('GUID of the site reader role.')
param siteReaderRole string

resource site 'Microsoft.Web/sites@2024-04-01' existing = {
  name: siteName
}

resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(site.id, principalId, siteReaderRole)
  scope: site
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', siteReaderRole)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
