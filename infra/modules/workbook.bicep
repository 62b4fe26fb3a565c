// The workbook over the clusters' and the app's logs; its queries run in the tests.
param location string
param tags object

@description('The workspaces that it asks, as ARM ids; the first is the app\'s own.')
param workspaceIds string[]

var content = loadTextContent('../workbook/cachewarden.workbook.json')
var quoted = map(workspaceIds, id => '"${id}"')

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'cachewarden-workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Cachewarden'
    category: 'workbook'
    sourceId: workspaceIds[0]
    serializedData: replace(content, '"{workspaces}"', join(quoted, ','))
  }
}

output id string = workbook.id
