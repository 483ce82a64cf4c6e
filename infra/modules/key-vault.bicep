metadata description = 'The vault of the secret app settings, and the alert when one of its secrets is about to end.'

@description('Name of the vault.')
@maxLength(24)
param vaultName string

@description('Region.')
param location string

@description('Tags for every resource.')
param tags object

@description('Action group that hears of a secret that ends.')
param actionGroupId string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: vaultName
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
  }
}

resource events 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: 'evgt-${vaultName}'
  location: location
  tags: tags
  properties: {
    source: vault.id
    topicType: 'Microsoft.KeyVault.vaults'
  }

  resource expiry 'eventSubscriptions' = {
    name: 'expiry'
    properties: {
      eventDeliverySchema: 'CloudEventSchemaV1_0'
      filter: {
        includedEventTypes: [
          'Microsoft.KeyVault.SecretNearExpiry'
          'Microsoft.KeyVault.SecretExpired'
        ]
      }
      destination: {
        endpointType: 'MonitorAlert'
        properties: {
          actionGroups: [actionGroupId]
          description: 'A secret of the relay ends within 30 days, or has ended. Renew it before mail waits for it.'
          severity: 'Sev1'
        }
      }
    }
  }
}

@description('Name of the vault.')
output vaultName string = vault.name
