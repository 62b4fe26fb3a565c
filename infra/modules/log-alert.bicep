// One scheduled query rule. The query's measure column is summed over the window, for each value of the dimension.
param name string
param displayName string
param about string
param location string
param tags object
param workspaceId string
param query string
param measure string

@description('The column that splits the alert, one for each value; empty for one alert in all.')
param dimension string

@description('GreaterThan for what should not happen; LessThan for what should and does not.')
@allowed([
  'GreaterThan'
  'LessThan'
])
param operator string = 'GreaterThan'
param threshold int = 0

@minValue(0)
@maxValue(4)
param severity int
param frequency string
param window string

@description('Whether it fires once and is resolved later. A rule that calls the app is not: it would stay silent about a second image while the first one fails.')
param stateful bool

@description('How long a rule without state is silent after it fired; empty: it fires at each evaluation.')
param muteFor string = ''
param actionGroupIds array

var dimensions = empty(dimension) ? [] : [{ name: dimension, operator: 'Include', values: ['*'] }]

resource rule 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: name
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: displayName
    description: about
    enabled: true
    severity: severity
    scopes: [
      workspaceId
    ]
    evaluationFrequency: frequency
    windowSize: window
    autoMitigate: stateful
    muteActionsDuration: stateful || empty(muteFor) ? null : muteFor
    skipQueryValidation: true
    checkWorkspaceAlertsStorageConfigured: false
    criteria: {
      allOf: [
        {
          query: query
          timeAggregation: 'Total'
          metricMeasureColumn: measure
          dimensions: dimensions
          operator: operator
          threshold: threshold
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: actionGroupIds
    }
  }
}
