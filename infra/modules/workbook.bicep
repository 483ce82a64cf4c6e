metadata description = 'A workbook on the events of the function app: what was sent, what waits, what died and why.'

@description('Short name of the relay.')
param name string

@description('Region.')
param location string

@description('Tags for every resource.')
param tags object

@description('Application Insights component with the events.')
param insightsName string

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, name, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'SMTP relay ${name}'
    category: 'workbook'
    sourceId: insights.id
    serializedData: loadTextContent('../workbook.json')
  }
}
