"""A Functions host for one machine: what Azure does around the function app, as read in its source.

Queue triggers with lease, renewal, dequeue count, poison queue and back-off; timer triggers. The
function app cannot tell it from the real one, in what it uses. docs/local.md says what is not
imitated.
"""
