// The Function App on Flex Consumption. It signs in everywhere as its identity; there is no key and no connection string
// with one in its settings.
param name string
param planName string
param location string
param tags object
param identityId string
param identityClientId string
param blobEndpoint string
param queueEndpoint string
param tableEndpoint string
param packageContainer string

@description('The container of the storage account in which Event Grid leaves what it could not deliver.')
param deadLetterContainer string
param insightsConnectionString string

@description('The subnet through which the app goes out; empty without a virtual network.')
param subnetId string

@description('Spans and metrics of the app itself, which cost its cold start about half a second.')
param exportFromWorker bool

@description('Path of the policy file in the deployed package.')
param policyFile string

@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int

@minValue(1)
@maxValue(1000)
param maximumInstanceCount int

@description('Instances kept warm for alerts and the HTTP API; 0 costs nothing while nothing happens.')
@minValue(0)
param alwaysReadyHttp int

@description('Client id of an Entra application: people sign in to the console, and their names are recorded. Empty switches it off.')
param authClientId string

@description('Where people reach the app, https://… without a path, for the links in notices. Empty: its own host name.')
param publicAddress string

// The version that these templates belong to: the app says when it runs under those of another one.
var templateVersion = '0.1.0'
var azure = environment()
// `environment()` does not know the query API of the logs.
var logsEndpoints = {
  AzureCloud: 'https://api.loganalytics.io'
  AzureUSGovernment: 'https://api.loganalytics.us'
  AzureChinaCloud: 'https://api.loganalytics.azure.cn'
}
var warm = alwaysReadyHttp > 0 ? [{ name: 'http', instanceCount: alwaysReadyHttp }] : []

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      remoteDebuggingEnabled: false
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobEndpoint}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        alwaysReady: warm
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: {
    AZURE_CLIENT_ID: identityClientId
    APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    // The worker sets OpenTelemetry up and exports, beside the host; docs/telemetry.md and ADR 0037 say why so.
    PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: exportFromWorker ? 'true' : 'false'
    OTEL_TRACES_SAMPLER: 'parentbased_always_on'
    OTEL_PYTHON_DISABLED_INSTRUMENTATIONS: 'azure_sdk,django,fastapi,flask,httpx,httpx2,psycopg2,requests,urllib,urllib3'
    APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL: 'true'
    APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED: 'true'
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    AzureWebJobsStorage__blobServiceUri: blobEndpoint
    AzureWebJobsStorage__queueServiceUri: queueEndpoint
    AzureWebJobsStorage__tableServiceUri: tableEndpoint
    CACHEWARDEN_POLICY: policyFile
    CACHEWARDEN_APP_ID: app.id
    CACHEWARDEN_TEMPLATE_VERSION: templateVersion
    CACHEWARDEN_EVENT_DEAD_LETTERS: deadLetterContainer
    CACHEWARDEN_ARM_ENDPOINT: azure.resourceManager
    CACHEWARDEN_ARM_AUDIENCE: azure.resourceManager
    CACHEWARDEN_LOGS_ENDPOINT: logsEndpoints[azure.name]
    CACHEWARDEN_LOGS_AUDIENCE: logsEndpoints[azure.name]
    CACHEWARDEN_PORTAL: azure.portal
    CACHEWARDEN_PUBLIC_ADDRESS: empty(publicAddress) ? 'https://${app.properties.defaultHostName}' : publicAddress
    CACHEWARDEN_CONSOLE_SIGN_IN: empty(authClientId) ? 'key' : 'entra'
  }
}

// Deployments sign in with Entra; user names and passwords of the publishing profile are switched off.
resource publishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = [for way in ['ftp', 'scm']: {
  parent: app
  name: way
  properties: {
    allow: false
  }
}]

// Requests without a sign-in go on to the function key: Azure Monitor has no sign-in to show.
resource authentication 'Microsoft.Web/sites/config@2024-04-01' = if (!empty(authClientId)) {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: authClientId
          openIdIssuer: '${azure.authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [
            authClientId
            'api://${authClientId}'
          ]
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
}

output id string = app.id
output name string = app.name
output host string = app.properties.defaultHostName
