metadata description = 'The relay in one resource group. This file only composes; each module has one concern.'

targetScope = 'resourceGroup'

@description('Short name of this relay, part of the names of its resources.')
@minLength(2)
@maxLength(12)
param name string = 'relay'

@description('Region of everything. It must offer Flex Consumption: az functionapp list-flexconsumption-locations.')
param location string = resourceGroup().location

@description('Tags for every resource.')
param tags object = {}

@description('Python of the function app.')
@allowed(['3.11', '3.12', '3.13'])
param pythonVersion string = '3.13'

@description('Memory of one instance of the function app in MB; the processor share grows with it.')
@allowed([2048, 4096])
param instanceMemoryMB int = 2048

@description('Most instances of the function app. One sends some fifty mails a second, so one is enough for nearly everybody. Regions that do not take less than 40 yet answer BadRequest: then set 40 here and leave instancesSharingLimits at 1.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 1

@description('By how many instances the limits of a mailbox are divided (RELAY_INSTANCES).')
@minValue(1)
@maxValue(1000)
param instancesSharingLimits int = maximumInstanceCount

@description('Instances of the function app that are always kept warm. 0 is cheapest; 1 spares the first mail after a pause some ten seconds.')
@minValue(0)
param alwaysReadyInstances int = 0

@description('App settings over the defaults, by the names of docs/function-app.md. No secrets: see secretSettings.')
param appSettings object = {}

@description('App settings whose value is a secret: name of the setting to name of the secret in the vault that is then made. Put the secret there with az keyvault secret set.')
param secretSettings object = {}

@description('Object ids of the service principals or managed identities of edges that run elsewhere, one for each site.')
param edgePrincipalIds string[] = []

@description('What an edge may do with blobs in the container mail: write-only makes a custom role (needs Microsoft.Authorization/roleDefinitions/write); contributor uses the built-in Storage Blob Data Contributor, which can also read and delete.')
@allowed(['write-only', 'contributor'])
param edgeBlobRole string = 'write-only'

@description('Image of the edge, to run one in Azure Container Apps; empty runs none. Read infra/README.md on its spool first.')
param edgeImage string = ''

@description('Devices of the edge in Azure: a JSON list as in EDGE_DEVICES.')
@secure()
param edgeDevices string = ''

@description('Addresses or CIDR ranges that may reach the edge in Azure; empty is everybody, who must still sign in.')
param edgeAllowedNetworks string[] = []

@description('Address of a Key Vault secret with certificate and key in PEM for the edge in Azure, which must be allowed to read it; empty makes a self-signed one at every start.')
param edgeCertificateUri string = ''

@description('Redundancy of the storage account that holds mail and queue. Standard_ZRS survives a data centre, where the region has it.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param mailStorageSku string = 'Standard_LRS'

@description('Days after which content that nobody fetched is deleted. It must exceed the longest outage of the function app that mail shall survive.')
@minValue(30)
param contentRetentionDays int = 90

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Mail addresses that hear of alerts.')
param alertEmails string[] = []

@description('Age in seconds of the oldest waiting mail from which an alert tells of it.')
@minValue(60)
param oldestMailAlertSeconds int = 1800

@description('Storage behind private endpoints only, and the function app in a virtual network.')
param privateNetwork bool = false

@description('Address space of that network, at least a /24.')
param networkAddressPrefix string = '10.60.0.0/24'

var suffix = take(uniqueString(resourceGroup().id, name), 8)
var compactName = toLower(replace(name, '-', ''))
var runsEdge = !empty(edgeImage)
var usesVault = !empty(secretSettings)
var usesNetwork = privateNetwork || runsEdge

module identities 'modules/identities.bicep' = {
  name: 'identities'
  params: {
    name: name
    location: location
    tags: tags
    withEdge: runsEdge
  }
}

module network 'modules/network.bicep' = if (usesNetwork) {
  name: 'network'
  params: {
    name: name
    location: location
    tags: tags
    addressPrefix: networkAddressPrefix
  }
}

module hostStorage 'modules/host-storage.bicep' = {
  name: 'host-storage'
  params: {
    accountName: 'st${compactName}h${suffix}'
    location: location
    tags: tags
    isPrivate: privateNetwork
  }
}

module mailStorage 'modules/mail-storage.bicep' = {
  name: 'mail-storage'
  params: {
    accountName: 'st${compactName}m${suffix}'
    location: location
    tags: tags
    sku: mailStorageSku
    contentRetentionDays: contentRetentionDays
    isPrivate: privateNetwork
  }
}

module endpoints 'modules/private-endpoints.bicep' = if (privateNetwork) {
  name: 'private-endpoints'
  params: {
    name: name
    location: location
    tags: tags
    networkId: usesNetwork ? network!.outputs.networkId : ''
    subnetId: usesNetwork ? network!.outputs.endpointSubnetId : ''
    hostStorageName: hostStorage.outputs.accountName
    mailStorageName: mailStorage.outputs.accountName
  }
}

module observability 'modules/observability.bicep' = {
  name: 'observability'
  params: {
    name: name
    location: location
    tags: tags
    retentionDays: logRetentionDays
  }
}

module vault 'modules/key-vault.bicep' = if (usesVault) {
  name: 'key-vault'
  params: {
    vaultName: 'kv-${take(compactName, 10)}-${suffix}'
    location: location
    tags: tags
    actionGroupId: alerts.outputs.actionGroupId
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  params: {
    hostStorageName: hostStorage.outputs.accountName
    mailStorageName: mailStorage.outputs.accountName
    insightsName: observability.outputs.insightsName
    vaultName: usesVault ? vault!.outputs.vaultName : ''
    functionPrincipalId: identities.outputs.functionPrincipalId
    edgePrincipalIds: concat(edgePrincipalIds, runsEdge ? [identities.outputs.edgePrincipalId] : [])
    edgeBlobRole: edgeBlobRole
  }
}

module functionApp 'modules/function-app.bicep' = {
  name: 'function-app'
  params: {
    planName: 'asp-${name}-${suffix}'
    appName: 'func-${name}-${suffix}'
    location: location
    tags: tags
    identityId: identities.outputs.functionIdentityId
    clientId: identities.outputs.functionClientId
    hostStorageName: hostStorage.outputs.accountName
    packageContainer: hostStorage.outputs.packageContainer
    mailStorageName: mailStorage.outputs.accountName
    insightsName: observability.outputs.insightsName
    vaultName: usesVault ? vault!.outputs.vaultName : ''
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    instancesSharingLimits: instancesSharingLimits
    alwaysReadyInstances: alwaysReadyInstances
    subnetId: privateNetwork ? network!.outputs.functionSubnetId : ''
    appSettings: appSettings
    secretSettings: secretSettings
  }
  // A host that starts without its rights gives up for minutes, and with private storage it cannot
  // start at all before its endpoints answer.
  dependsOn: [roles, endpoints]
}

module edge 'modules/edge.bicep' = if (runsEdge) {
  name: 'edge'
  params: {
    name: name
    location: location
    tags: tags
    image: edgeImage
    identityId: identities.outputs.edgeIdentityId
    clientId: identities.outputs.edgeClientId
    mailStorageName: mailStorage.outputs.accountName
    workspaceName: observability.outputs.workspaceName
    subnetId: usesNetwork ? network!.outputs.edgeSubnetId : ''
    devices: edgeDevices
    allowedNetworks: edgeAllowedNetworks
    certificateUri: edgeCertificateUri
  }
  dependsOn: [roles, endpoints]
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    name: name
    location: location
    tags: tags
    insightsName: observability.outputs.insightsName
    emails: alertEmails
    oldestMailSeconds: oldestMailAlertSeconds
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  params: {
    name: name
    location: location
    tags: tags
    insightsName: observability.outputs.insightsName
  }
}

@description('Name of the function app, for func azure functionapp publish.')
output functionAppName string = functionApp.outputs.appName

@description('Object id of the identity that sends, for infra/scripts.')
output functionPrincipalId string = identities.outputs.functionPrincipalId

@description('Client id of the identity that sends, for infra/scripts.')
output functionClientId string = identities.outputs.functionClientId

@description('storage.account_url_queue of every edge.')
output mailQueueUrl string = mailStorage.outputs.queueUrl

@description('storage.account_url_blob of every edge.')
output mailBlobUrl string = mailStorage.outputs.blobUrl

@description('Name of the vault for secretSettings; empty without one.')
output vaultName string = usesVault ? vault!.outputs.vaultName : ''

@description('Object id of the edge in Azure; empty without one.')
output edgePrincipalId string = identities.outputs.edgePrincipalId

@description('Address of the edge in Azure; empty without one.')
output edgeAddress string = runsEdge ? edge!.outputs.address : ''
