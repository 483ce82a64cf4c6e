"""Microsoft Graph: https://learn.microsoft.com/graph/api/resources/mail-api-overview."""
