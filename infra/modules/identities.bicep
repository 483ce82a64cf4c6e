metadata description = 'Who the function app is, and who the edge in Azure is. User-assigned, so that rights can be given before either starts.'

@description('Short name of the relay.')
param name string

@description('Region.')
param location string

@description('Tags for every resource.')
param tags object

@description('Whether an edge runs in Azure.')
param withEdge bool

resource functionIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${name}-function'
  location: location
  tags: tags
}

resource edgeIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (withEdge) {
  name: 'id-${name}-edge'
  location: location
  tags: tags
}

@description('Resource id of the identity of the function app.')
output functionIdentityId string = functionIdentity.id

@description('Its object id.')
output functionPrincipalId string = functionIdentity.properties.principalId

@description('Its client id.')
output functionClientId string = functionIdentity.properties.clientId

@description('Resource id of the identity of the edge; empty without one.')
output edgeIdentityId string = withEdge ? edgeIdentity.id : ''

@description('Its object id.')
output edgePrincipalId string = withEdge ? edgeIdentity!.properties.principalId : ''

@description('Its client id.')
output edgeClientId string = withEdge ? edgeIdentity!.properties.clientId : ''
