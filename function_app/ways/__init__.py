"""The ways out other than Microsoft Graph, as the settings of an identity tell them."""
