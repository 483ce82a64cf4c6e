using 'main.bicep'

param name = 'relay'
param alertEmails = []
param edgePrincipalIds = []
param appSettings = {
  RELAY_NOTICE_FROM: ''
  RELAY_NOTIFY: ''
}
