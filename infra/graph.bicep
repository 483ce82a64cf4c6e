metadata description = 'Lets the relay send as any mailbox of the tenant. Prefer scripts/Grant-ExchangeSend.ps1, which names the mailboxes; the two add up. Needs Privileged Role Administrator, Bicep 0.36.1 and the public cloud.'

// Name the version in bicepconfig.json first: extensions.microsoftGraphV1, as in
// https://learn.microsoft.com/graph/templates/how-to-dynamic-types
extension microsoftGraphV1

@description('Object id of the identity that sends: the output functionPrincipalId of main.bicep.')
param functionPrincipalId string

@description('Mail.Send sends mail up to 3 MB; Mail.ReadWrite is for larger mail and to look for a mail in doubt.')
param permissions string[] = ['Mail.Send']

resource microsoftGraph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: '00000003-0000-0000-c000-000000000000'
}

resource grants 'Microsoft.Graph/appRoleAssignedTo@v1.0' = [for permission in permissions: {
  appRoleId: filter(microsoftGraph.appRoles, role => role.value == permission && contains(role.allowedMemberTypes, 'Application'))[0].id
  principalId: functionPrincipalId
  resourceId: microsoftGraph.id
}]
