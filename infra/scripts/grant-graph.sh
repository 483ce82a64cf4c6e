#!/usr/bin/env bash
# Let the relay send as ANY mailbox of the tenant, by a Microsoft Graph application permission.
# Prefer Grant-ExchangeSend.ps1, which names the mailboxes: the two add up, and this one wins.
#
#   grant-graph.sh PRINCIPAL_ID [PERMISSION...]   grant (default: Mail.Send); again does no harm
#   grant-graph.sh --check PRINCIPAL_ID           show what is granted
#   grant-graph.sh --revoke PRINCIPAL_ID          take all of Microsoft Graph's permissions back
#
# PRINCIPAL_ID is the output functionPrincipalId of main.bicep. Needs az, signed in as Privileged
# Role Administrator. A managed identity may see a new permission only after some hours: its token
# is kept for up to a day (https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identity-best-practice-recommendations).
set -euo pipefail

graph_app_id=00000003-0000-0000-c000-000000000000
graph=$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv)
graph=${graph%/}/v1.0

fail() {
  echo "grant-graph: $*" >&2
  exit 2
}

mode=grant
case ${1-} in
  --check | --revoke) mode=${1#--} && shift ;;
esac
principal=${1-}
[[ $principal =~ ^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$ ]] ||
  fail "give the object id of the identity: az deployment group show ... functionPrincipalId"
shift
permissions=("${@:-Mail.Send}")

resource=$(az ad sp show --id "$graph_app_id" --query id --output tsv)
assignments=$graph/servicePrincipals/$principal/appRoleAssignments

granted() { # id of the assignment, id of the role
  az rest --method GET --url "$assignments" \
    --query "value[?resourceId=='$resource'].[id, appRoleId]" --output tsv
}

role_of() { # name of a permission
  az ad sp show --id "$graph_app_id" --output tsv \
    --query "appRoles[?value=='$1' && contains(allowedMemberTypes, 'Application')].id | [0]"
}

name_of() { # id of a role
  az ad sp show --id "$graph_app_id" --query "appRoles[?id=='$1'].value | [0]" --output tsv
}

case $mode in
  grant)
    for permission in "${permissions[@]}"; do
      role=$(role_of "$permission")
      [[ -n $role && $role != None ]] || fail "$permission is no application permission"
      if granted | grep -q "$role"; then
        echo "$permission: granted before"
        continue
      fi
      az rest --method POST --url "$assignments" --output none --body \
        "{\"principalId\": \"$principal\", \"resourceId\": \"$resource\", \"appRoleId\": \"$role\"}"
      echo "$permission: granted"
    done
    ;;
  check)
    granted | while read -r _ role; do name_of "$role"; done
    ;;
  revoke)
    granted | while read -r assignment role; do
      az rest --method DELETE --url "$assignments/$assignment" --output none
      echo "$(name_of "$role"): revoked"
    done
    ;;
esac
