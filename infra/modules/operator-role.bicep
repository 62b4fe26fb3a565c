// The product's own role: exactly the actions that it uses on a registry (roles.json; a test compares them).
targetScope = 'subscription'

@description('Tells the roles of several installations apart: a role\'s name is unique in the tenant.')
param suffix string

@description('Subscriptions whose registries the role can be given on, as ids.')
param assignableScopes array

var roles = loadJsonContent('../roles.json')

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, 'cachewarden-operator', suffix)
  properties: {
    roleName: '${roles.operator.name} ${suffix}'
    description: roles.operator.description
    type: 'CustomRole'
    assignableScopes: assignableScopes
    permissions: [
      {
        actions: roles.operator.actions
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

output roleName string = role.name
