metadata description = 'The storage account between edge and function app, with the fixed names of handoff/names.py.'

@description('Name of the account.')
@maxLength(24)
param accountName string

@description('Region.')
param location string

@description('Tags for every resource.')
param tags object

@description('Redundancy.')
param sku string

@description('Days after which content that nobody fetched is deleted.')
param contentRetentionDays int

@description('Reachable by private endpoint only.')
param isPrivate bool

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: accountName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
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
    properties: {
      // What was sent shall be gone, so deleted content is not kept for some days more.
      deleteRetentionPolicy: { enabled: false }
    }

    resource mail 'containers' = {
      name: 'mail'
    }

    resource deadLetters 'containers' = {
      name: 'dead-letters'
    }
  }

  resource queues 'queueServices' = {
    name: 'default'

    resource outbound 'queues' = {
      name: 'outbound'
    }

    resource poison 'queues' = {
      name: 'outbound-poison'
    }
  }

  resource tables 'tableServices' = {
    name: 'default'

    resource deliveries 'tables' = {
      name: 'deliveries'
    }

    resource status 'tables' = {
      name: 'status'
    }
  }

  resource lifecycle 'managementPolicies' = {
    name: 'default'
    properties: {
      policy: {
        rules: [
          {
            // Content whose ticket never came: the edge died between the two. Dead letters stay.
            name: 'orphaned-content'
            type: 'Lifecycle'
            enabled: true
            definition: {
              filters: {
                blobTypes: ['blockBlob']
                prefixMatch: ['mail/']
              }
              actions: {
                baseBlob: {
                  delete: { daysAfterModificationGreaterThan: contentRetentionDays }
                }
              }
            }
          }
        ]
      }
    }
  }
}

@description('Name of the account.')
output accountName string = account.name

@description('Address of its queues.')
output queueUrl string = account.properties.primaryEndpoints.queue

@description('Address of its blobs.')
output blobUrl string = account.properties.primaryEndpoints.blob
