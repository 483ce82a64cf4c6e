metadata description = 'Alerts on the events of the function app, and on their absence.'

@description('Short name of the relay.')
param name string

@description('Region.')
param location string

@description('Tags for every resource.')
param tags object

@description('Application Insights component with the events.')
param insightsName string

@description('Mail addresses to tell. The relay itself may be what is broken: name a mailbox that needs no relay.')
param emails string[]

@description('Age of the oldest waiting mail in seconds.')
param oldestMailSeconds int

var rules = [
  {
    key: 'silent'
    severity: 0
    displayName: 'The function app is silent'
    description: 'No status for fifteen minutes: the app does not run, or may not read its queue. Mail waits, none is lost.'
    query: loadTextContent('../alerts/silent.kql')
    column: 'rounds'
    aggregation: 'Total'
    operator: 'LessThan'
    threshold: 1
  }
  {
    key: 'alarm'
    severity: 1
    displayName: 'An administrator has to act'
    description: 'Mail waits for a permission, a mailbox, a credential or a setting. The event says which.'
    query: loadTextContent('../alerts/alarm.kql')
    column: 'events'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    key: 'missing'
    severity: 1
    displayName: 'A site or a device is silent'
    description: 'An edge, or a device that was told to send regularly, has not been heard of for too long. The event says which.'
    query: loadTextContent('../alerts/missing.kql')
    column: 'events'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    key: 'dead'
    severity: 2
    displayName: 'Mail has died'
    description: 'It is kept in the container dead-letters, each with its reason.'
    query: loadTextContent('../alerts/dead.kql')
    column: 'mails'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    key: 'poison'
    severity: 1
    displayName: 'Mail was poisoned'
    description: 'The function app failed on it again and again. Within five minutes it becomes a dead letter; the log tells why.'
    query: loadTextContent('../alerts/poison.kql')
    column: 'findings'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    key: 'oldest'
    severity: 2
    displayName: 'Mail waits too long'
    description: 'For fifteen minutes the oldest waiting mail has been older than it may be.'
    query: loadTextContent('../alerts/oldest.kql')
    column: 'seconds'
    aggregation: 'Maximum'
    operator: 'GreaterThan'
    threshold: oldestMailSeconds
  }
]

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: name
    enabled: true
    emailReceivers: [for email in emails: {
      name: email
      emailAddress: email
      useCommonAlertSchema: true
    }]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules: {
  name: 'alert-${name}-${rule.key}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: rule.displayName
    description: rule.description
    severity: rule.severity
    enabled: true
    scopes: [insights.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: rule.query
          metricMeasureColumn: rule.column
          timeAggregation: rule.aggregation
          operator: rule.operator
          threshold: rule.threshold
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: { actionGroups: [operators.id] }
  }
}]

@description('Action group, for further alerts.')
output actionGroupId string = operators.id
