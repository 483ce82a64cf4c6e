<#
.SYNOPSIS
Lets the relay send as the members of one group, and as nobody else.

.DESCRIPTION
RBAC for Applications in Exchange Online
(https://learn.microsoft.com/exchange/permissions-exo/application-rbac). It adds up with permissions
in Microsoft Entra: take back Mail.Send there, or the group limits nothing. Running it again does no
harm. Needs the module ExchangeOnlineManagement and the role Organization Management.

.PARAMETER ClientId
Client id of the identity that sends: the output functionClientId of main.bicep.

.PARAMETER PrincipalId
Its object id: the output functionPrincipalId.

.PARAMETER Group
Mail-enabled security group whose direct members are the mailboxes to send from. Members of groups in
it do not count.

.PARAMETER LargeMail
Also Mail.ReadWrite: for mail above 3 MB, and to look for a mail in doubt in Sent Items.

.PARAMETER CheckOnly
Change nothing, only show what the identity may do.

.PARAMETER Mailbox
Mailbox to check.

.EXAMPLE
./Grant-ExchangeSend.ps1 -ClientId 1111... -PrincipalId 2222... -Group 'Relay Senders' -Mailbox noreply@contoso.com
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory)] [guid] $ClientId,
    [Parameter(Mandatory)] [guid] $PrincipalId,
    [Parameter(Mandatory)] [string] $Group,
    [string] $Name = 'SMTP relay',
    [string] $Mailbox,
    [switch] $LargeMail,
    [switch] $CheckOnly
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

if (-not (Get-Command Get-ConnectionInformation -ErrorAction SilentlyContinue)) {
    throw 'Install the module first: Install-Module ExchangeOnlineManagement -Scope CurrentUser'
}
if (-not (Get-ConnectionInformation)) {
    Connect-ExchangeOnline -ShowBanner:$false
}

if (-not $CheckOnly) {
    $members = Get-DistributionGroup -Identity $Group
    $known = Get-ServicePrincipal | Where-Object { $_.ObjectId -eq $PrincipalId }
    if (-not $known -and $PSCmdlet.ShouldProcess($PrincipalId, 'New-ServicePrincipal')) {
        New-ServicePrincipal -AppId $ClientId -ObjectId $PrincipalId -DisplayName $Name | Out-Null
    }

    $filter = "MemberOfGroup -eq '$($members.DistinguishedName -replace "'", "''")'"
    $scope = Get-ManagementScope | Where-Object { $_.Name -eq $Name }
    if (-not $scope) {
        if ($PSCmdlet.ShouldProcess($Name, 'New-ManagementScope')) {
            New-ManagementScope -Name $Name -RecipientRestrictionFilter $filter | Out-Null
        }
    }
    elseif ($PSCmdlet.ShouldProcess($Name, 'Set-ManagementScope')) {
        Set-ManagementScope -Identity $Name -RecipientRestrictionFilter $filter
    }

    $roles = @('Application Mail.Send')
    if ($LargeMail) {
        $roles += 'Application Mail.ReadWrite'
    }
    foreach ($role in $roles) {
        $assignment = "$Name $($role -replace '^Application ', '')"
        $given = Get-ManagementRoleAssignment | Where-Object { $_.Name -eq $assignment }
        if (-not $given -and $PSCmdlet.ShouldProcess($assignment, 'New-ManagementRoleAssignment')) {
            New-ManagementRoleAssignment -Name $assignment -App $PrincipalId -Role $role `
                -CustomResourceScope $Name | Out-Null
        }
    }
    Write-Output 'Granted. Graph may take from 30 minutes to two hours to see it; the check below is at once.'
}

$question = @{ Identity = $PrincipalId }
if ($Mailbox) {
    $question.Resource = $Mailbox
}
$columns = @('RoleName', 'GrantedPermissions', 'AllowedResourceScope', 'InScope')
Test-ServicePrincipalAuthorization @question | Format-Table -Property $columns
