metadata description = 'Private endpoints of both storage accounts, with the DNS zones by which they are found.'

@description('Short name of the relay.')
param name string

@description('Region.')
param location string

@description('Tags for every resource.')
param tags object

@description('Virtual network that looks names up in the zones.')
param networkId string

@description('Subnet of the endpoints.')
param subnetId string

@description('Storage account of the host.')
param hostStorageName string

@description('Storage account of the mail.')
param mailStorageName string

var services = ['blob', 'queue', 'table']
var targets = [
  {
    account: hostStorageName
    service: 'blob'
  }
  {
    account: mailStorageName
    service: 'blob'
  }
  {
    account: mailStorageName
    service: 'queue'
  }
  {
    account: mailStorageName
    service: 'table'
  }
]

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for service in services: {
  name: 'privatelink.${service}.${environment().suffixes.storage}'
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (service, i) in services: {
  parent: zones[i]
  name: name
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: { id: networkId }
  }
}]

resource endpoints 'Microsoft.Network/privateEndpoints@2024-07-01' = [for target in targets: {
  name: 'pep-${target.account}-${target.service}'
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      {
        name: target.service
        properties: {
          privateLinkServiceId: resourceId('Microsoft.Storage/storageAccounts', target.account)
          groupIds: [target.service]
        }
      }
    ]
  }
}]

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01' = [for (target, i) in targets: {
  parent: endpoints[i]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: target.service
        properties: { privateDnsZoneId: zones[indexOf(services, target.service)].id }
      }
    ]
  }
}]
