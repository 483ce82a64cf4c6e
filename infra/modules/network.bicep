metadata description = 'A virtual network with one subnet each for the function app, the edge in Azure and private endpoints.'

@description('Short name of the relay.')
param name string

@description('Region.')
param location string

@description('Tags for every resource.')
param tags object

@description('Address space, at least a /24.')
param addressPrefix string

// Flex Consumption and Container Apps ask for the same delegation, each for a subnet of its own.
var toContainerApps = [
  {
    name: 'container-apps'
    properties: { serviceName: 'Microsoft.App/environments' }
  }
]

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' = {
  name: 'vnet-${name}'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        name: 'function'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          delegations: toContainerApps
        }
      }
      {
        name: 'edge'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 1)
          delegations: toContainerApps
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 2)
        }
      }
    ]
  }

  resource functionSubnet 'subnets' existing = {
    name: 'function'
  }

  resource edgeSubnet 'subnets' existing = {
    name: 'edge'
  }

  resource endpointSubnet 'subnets' existing = {
    name: 'endpoints'
  }
}

@description('Resource id of the network.')
output networkId string = network.id

@description('Subnet of the function app.')
output functionSubnetId string = network::functionSubnet.id

@description('Subnet of the edge.')
output edgeSubnetId string = network::edgeSubnet.id

@description('Subnet of private endpoints.')
output endpointSubnetId string = network::endpointSubnet.id
