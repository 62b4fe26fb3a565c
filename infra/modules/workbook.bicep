// The workbook over the clusters' and the app's logs; its queries run in the tests.
param location string
param tags object

@description('The workspace in whose gallery it stands.')
param workspaceId string

@description('The workspaces that it asks: ARM ids in double quotes, separated by commas.')
param quotedWorkspaceIds string

var content = loadTextContent('../workbook/cachewarden.workbook.json')

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'cachewarden-workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Cachewarden'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: replace(content, '"{workspaces}"', quotedWorkspaceIds)
  }
}

output id string = workbook.id
