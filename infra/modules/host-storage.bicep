metadata description = 'The storage account of the Functions host: its leases and keys, and the code package. No edge can reach it.'

@description('Name of the account.')
@maxLength(24)
param accountName string

@description('Region.')
param location string

@description('Tags for every resource.')
param tags object

@description('Reachable by private endpoint only.')
param isPrivate bool

var packages = 'packages'

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: accountName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    supportsHttpsTrafficOnly: true
  }

  resource blobs 'blobServices' = {
    name: 'default'

    resource packageContainer 'containers' = {
      name: packages
    }
  }
}

@description('Name of the account.')
output accountName string = account.name

@description('Container that func azure functionapp publish fills.')
output packageContainer string = packages
