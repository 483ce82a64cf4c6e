metadata description = 'Every role assignment of the relay: who may do what, each at the narrowest scope that there is.'

@description('Storage account of the host.')
param hostStorageName string

@description('Storage account of the mail.')
param mailStorageName string

@description('Application Insights component.')
param insightsName string

@description('Vault of the secret settings; empty without one.')
param vaultName string

@description('Object id of the identity of the function app.')
param functionPrincipalId string

@description('Object ids of all edges.')
param edgePrincipalIds string[]

@description('write-only or contributor.')
param edgeBlobRole string

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var roleIds = {
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
  storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  storageQueueDataContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  storageQueueDataMessageSender: 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
  storageTableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
}
var functionQueues = ['outbound', 'outbound-poison']
var functionContainers = ['mail', 'dead-letters']
var functionTables = ['deliveries', 'status']

resource hostStorage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: hostStorageName
}

resource mailStorage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: mailStorageName

  resource queueService 'queueServices' existing = {
    name: 'default'

    resource outbound 'queues' existing = {
      name: 'outbound'
    }
  }

  resource blobService 'blobServices' existing = {
    name: 'default'

    resource mail 'containers' existing = {
      name: 'mail'
    }
  }

  resource tableService 'tableServices' existing = {
    name: 'default'
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01' existing = [for name in functionQueues: {
  parent: mailStorage::queueService
  name: name
}]

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' existing = [for name in functionContainers: {
  parent: mailStorage::blobService
  name: name
}]

resource tables 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-01-01' existing = [for name in functionTables: {
  parent: mailStorage::tableService
  name: name
}]

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = if (!empty(vaultName)) {
  name: empty(vaultName) ? 'none' : vaultName
}

// The host keeps leases, keys and packages in containers that it names itself.
resource functionOnHostStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostStorage.id, functionPrincipalId, roleIds.storageBlobDataOwner)
  scope: hostStorage
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.storageBlobDataOwner)
  }
}

// Contributor, not Reader and Message Processor: to put a deferred mail back and to renew a lease
// is Update Message, which needs messages/write (https://github.com/MicrosoftDocs/azure-docs/issues/120932).
resource functionOnQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (name, i) in functionQueues: {
  name: guid(queues[i].id, functionPrincipalId, roleIds.storageQueueDataContributor)
  scope: queues[i]
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.storageQueueDataContributor)
  }
}]

resource functionOnContainers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (name, i) in functionContainers: {
  name: guid(containers[i].id, functionPrincipalId, roleIds.storageBlobDataContributor)
  scope: containers[i]
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.storageBlobDataContributor)
  }
}]

resource functionOnTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (name, i) in functionTables: {
  name: guid(tables[i].id, functionPrincipalId, roleIds.storageTableDataContributor)
  scope: tables[i]
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.storageTableDataContributor)
  }
}]

resource functionOnInsights 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, functionPrincipalId, roleIds.monitoringMetricsPublisher)
  scope: insights
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.monitoringMetricsPublisher)
  }
}

// The vault holds nothing but secret settings, and its secrets come after it: no narrower scope exists yet.
resource functionOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(vaultName)) {
  name: guid(resourceGroup().id, vaultName, functionPrincipalId, roleIds.keyVaultSecretsUser)
  scope: vault
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.keyVaultSecretsUser)
  }
}

// No built-in role puts content without reading and deleting it. write is there because content above
// 1 MiB goes up in blocks, and Put Block has no add action
// (https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory).
resource mailWriter 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (edgeBlobRole == 'write-only') {
  name: guid(resourceGroup().id, 'smtp-graph-relay mail writer')
  properties: {
    // Unique in the tenant, as Azure demands.
    roleName: 'SMTP relay mail writer ${uniqueString(resourceGroup().id)}'
    description: 'Put the content of a mail. Neither read, list nor delete.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: []
        notActions: []
        dataActions: [
          'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action'
          'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write'
        ]
        notDataActions: []
      }
    ]
  }
}

resource edgesOnOutbound 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for principalId in edgePrincipalIds: {
  name: guid(mailStorage::queueService::outbound.id, principalId, roleIds.storageQueueDataMessageSender)
  scope: mailStorage::queueService::outbound
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.storageQueueDataMessageSender)
  }
}]

resource edgesOnMail 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for principalId in edgePrincipalIds: {
  name: guid(mailStorage::blobService::mail.id, principalId, edgeBlobRole)
  scope: mailStorage::blobService::mail
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: edgeBlobRole == 'write-only' ? mailWriter.id : subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.storageBlobDataContributor)
  }
}]
