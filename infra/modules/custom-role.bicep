// A role of the product's own: exactly the actions that it uses (roles.json; a test compares them).
targetScope = 'subscription'

@description('Which role of roles.json.')
@allowed([
  'operator'
  'siteReader'
  'vaultPolicyWriter'
])
param key string

@description('Tells the roles of several installations apart: a role\'s name is unique in the tenant.')
param suffix string

@description('Subscriptions on whose resources the role can be given, as ids.')
param assignableScopes array

var roles = loadJsonContent('../roles.json')

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, 'cachewarden', key, suffix)
  properties: {
    roleName: '${roles[key].name} ${suffix}'
    description: roles[key].description
    type: 'CustomRole'
    assignableScopes: union([subscription().id], assignableScopes)
    permissions: [
      {
        actions: roles[key].actions
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

output roleName string = role.name
