"""Are the pages of the web console quick when there is a million mails to look through?"""
