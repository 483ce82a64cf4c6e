"""Gmail: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send."""
