metadata description = 'The function app on Flex Consumption, and every app setting that it runs with.'

@description('Name of the plan.')
param planName string

@description('Name of the function app.')
param appName string

@description('Region.')
param location string

@description('Tags for every resource.')
param tags object

@description('Resource id of its user-assigned identity.')
param identityId string

@description('Client id of that identity.')
param clientId string

@description('Storage account of the host.')
param hostStorageName string

@description('Container of the code package in it.')
param packageContainer string

@description('Storage account of the mail.')
param mailStorageName string

@description('Application Insights component.')
param insightsName string

@description('Vault of the secret settings; empty without any.')
param vaultName string

@description('Python.')
param pythonVersion string

@description('Memory of an instance in MB.')
param instanceMemoryMB int

@description('Most instances.')
param maximumInstanceCount int

@description('By how many instances the limits of a mailbox are divided.')
param instancesSharingLimits int

@description('Instances that are always kept warm.')
param alwaysReadyInstances int

@description('Subnet of the function app; empty for none.')
param subnetId string

@description('App settings over the defaults.')
param appSettings object

@description('Name of an app setting to name of a secret.')
param secretSettings object

var clouds = {
  AzureCloud: 'public'
  AzureUSGovernment: 'usgov'
  AzureChinaCloud: 'china'
}

resource hostStorage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: hostStorageName
}

resource mailStorage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: mailStorageName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

var platformSettings = {
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: clientId
  AzureWebJobsStorage__blobServiceUri: hostStorage.properties.primaryEndpoints.blob
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${clientId};Authorization=AAD'
}

var relaySettings = {
  MailStorage__credential: 'managedidentity'
  MailStorage__clientId: clientId
  MailStorage__queueServiceUri: mailStorage.properties.primaryEndpoints.queue
  MailStorage__blobServiceUri: mailStorage.properties.primaryEndpoints.blob
  MailStorage__tableServiceUri: mailStorage.properties.primaryEndpoints.table
  AZURE_CLIENT_ID: clientId
  PYTHON_THREADPOOL_THREAD_COUNT: '32'
  RELAY_CLOUD: clouds[environment().name]
  RELAY_GIVE_UP_AFTER: '48h'
  RELAY_KEEP_DELIVERIES: '90d'
  RELAY_KEEP_DEAD_LETTERS: 'forever'
  RELAY_KEEP_CONTENT: '30d'
  RELAY_KEEP_STATISTICS: '400d'
  RELAY_KEEP_AUDIT: '400d'
  RELAY_KEEP_SIGNALS: '30d'
  RELAY_WHEN_UNSURE: 'resend'
  RELAY_INSTANCES: string(instancesSharingLimits)
  RELAY_MAILBOX_CONCURRENCY: '4'
  RELAY_MAILBOX_RATE: '30'
  RELAY_NOTIFY: ''
  RELAY_NOTICE_DOMAINS: ''
  RELAY_NOTICE_FROM: ''
  RELAY_NOTIFY_WEBHOOK: ''
  RELAY_NOTIFY_WEBHOOK_SECRET: ''
  RELAY_SEALING_KEY: ''
  RELAY_SEALING_KEY_PREVIOUS: ''
  GRAPH_ENDPOINT: ''
  GMAIL_ENDPOINT: ''
  ENTRA_AUTHORITY: ''
  IDENTITY__DEFAULT__PROVIDER: 'graph'
  IDENTITY__DEFAULT__CREDENTIAL: 'managed_identity'
  IDENTITY__DEFAULT__TENANT_ID: ''
  IDENTITY__DEFAULT__CLIENT_ID: ''
  IDENTITY__DEFAULT__CLIENT_SECRET: ''
}

var secretReferences = toObject(
  items(secretSettings),
  setting => setting.key,
  setting => '@Microsoft.KeyVault(VaultName=${vaultName};SecretName=${setting.value})'
)

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: appName
  location: location
  tags: union(tags, { 'azd-service-name': 'function' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostStorage.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyInstances == 0 ? [] : [
          {
            name: 'function:deliver'
            instanceCount: alwaysReadyInstances
          }
        ]
      }
    }
  }

  // It replaces all app settings at every deployment, so whatever is set belongs here.
  resource settings 'config' = {
    name: 'appsettings'
    properties: union(platformSettings, relaySettings, appSettings, secretReferences)
  }

  resource noFtpPassword 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  // func and azd publish with a Microsoft Entra token.
  resource noPublishingPassword 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
}

@description('Name of the function app.')
output appName string = app.name
