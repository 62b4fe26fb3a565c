// The source of one resource's events. Azure allows one system topic a resource: an existing one is named and used.
param name string
param location string
param tags object
param sourceId string
param topicType string

@description('Whether the source has that system topic already; then nothing is made and nothing of it changed.')
param exists bool

@description('The identity with which dead letters are written, as ARM id.')
param eventsIdentityId string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (!exists) {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${eventsIdentityId}': {}
    }
  }
  properties: {
    source: sourceId
    topicType: topicType
  }
}
