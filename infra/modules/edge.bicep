metadata description = 'An edge in Azure Container Apps, for senders that are in the cloud themselves.'

@description('Short name of the relay.')
param name string

@description('Region.')
param location string

@description('Tags for every resource.')
param tags object

@description('Image of the edge.')
param image string

@description('Resource id of its identity.')
param identityId string

@description('Client id of that identity.')
param clientId string

@description('Storage account of the mail.')
param mailStorageName string

@description('Workspace for its log.')
param workspaceName string

@description('Subnet; external TCP needs a network of one\'s own.')
param subnetId string

@description('Devices, as in EDGE_DEVICES.')
@secure()
param devices string

@description('Addresses or CIDR ranges that may connect; empty is everybody.')
param allowedNetworks string[]

@description('Key Vault secret with certificate and key in PEM; empty for a self-signed one.')
param certificateUri string

var hasCertificate = !empty(certificateUri)
var certificatePath = '/run/certificate/certificate'
var ownSettings = [
  { name: 'AZURE_CLIENT_ID', value: clientId }
  { name: 'EDGE_SITE', value: name }
  { name: 'EDGE_STORAGE__ACCOUNT_URL_QUEUE', value: mailStorage.properties.primaryEndpoints.queue }
  { name: 'EDGE_STORAGE__ACCOUNT_URL_BLOB', value: mailStorage.properties.primaryEndpoints.blob }
  { name: 'EDGE_DEVICES_FILE', value: '/run/devices/devices' }
  // The address of the client is lost on the way, so no device can be known by its network, and all
  // clients together are one address.
  { name: 'EDGE_LISTENERS', value: '[{"name": "submission", "address": "0.0.0.0:1587"}]' }
  { name: 'EDGE_LIMITS__CONNECTIONS_PER_ADDRESS', value: '1000' }
  { name: 'EDGE_LIMITS__FAILED_SIGN_INS_PER_ADDRESS', value: '100000' }
  { name: 'EDGE_DRAIN_TIMEOUT', value: '60' }
]
var certificateSettings = [
  { name: 'EDGE_TLS__SOURCE', value: 'file' }
  { name: 'EDGE_TLS__CERTIFICATE', value: certificatePath }
  { name: 'EDGE_TLS__KEY', value: certificatePath }
]

resource mailStorage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: mailStorageName
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' existing = {
  name: workspaceName
}

resource containers 'Microsoft.App/managedEnvironments@2025-01-01' = {
  name: 'cae-${name}'
  location: location
  tags: tags
  properties: {
    appLogsConfiguration: { destination: 'azure-monitor' }
    vnetConfiguration: { infrastructureSubnetId: subnetId }
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: containers
  properties: {
    workspaceId: workspace.id
    logs: [
      {
        categoryGroup: 'allLogs'
        enabled: true
      }
    ]
  }
}

resource edge 'Microsoft.App/containerApps@2025-01-01' = {
  name: 'ca-${name}-edge'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    environmentId: containers.id
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      ingress: {
        external: true
        transport: 'tcp'
        targetPort: 1587
        exposedPort: 587
        ipSecurityRestrictions: [for network in allowedNetworks: {
          name: uniqueString(network)
          action: 'Allow'
          ipAddressRange: network
        }]
      }
      secrets: concat([{ name: 'devices', value: empty(devices) ? '[]' : devices }], hasCertificate ? [
        {
          name: 'certificate'
          keyVaultUrl: certificateUri
          identity: identityId
        }
      ] : [])
    }
    template: {
      // One, never none: a sleeping edge answers nobody, and each has a spool of its own.
      scale: {
        minReplicas: 1
        maxReplicas: 1
      }
      terminationGracePeriodSeconds: 90
      containers: [
        {
          name: 'edge'
          image: image
          env: concat(ownSettings, hasCertificate ? certificateSettings : [])
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          probes: [
            {
              type: 'Liveness'
              httpGet: {
                path: '/health'
                port: 8080
              }
            }
            {
              type: 'Readiness'
              httpGet: {
                path: '/ready'
                port: 8080
              }
            }
          ]
          volumeMounts: concat([
            { volumeName: 'spool', mountPath: '/var/spool/relay' }
            { volumeName: 'state', mountPath: '/var/lib/relay' }
            { volumeName: 'devices', mountPath: '/run/devices' }
          ], hasCertificate ? [{ volumeName: 'certificate', mountPath: '/run/certificate' }] : [])
        }
      ]
      volumes: concat([
        { name: 'spool', storageType: 'EmptyDir' }
        { name: 'state', storageType: 'EmptyDir' }
        { name: 'devices', storageType: 'Secret', secrets: [{ secretRef: 'devices', path: 'devices' }] }
      ], hasCertificate ? [
        { name: 'certificate', storageType: 'Secret', secrets: [{ secretRef: 'certificate', path: 'certificate' }] }
      ] : [])
    }
  }
}

@description('Where the edge is reached, on port 587.')
output address string = edge.properties.configuration.ingress.fqdn
