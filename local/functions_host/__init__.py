"""A Functions host for one machine: what Azure does around the function app, as read in its source.

Queue triggers with lease, renewal, dequeue count, poison queue and back-off; timer triggers. Not
imitated, because the function app uses none of it: other triggers and bindings, dynamic
concurrency, scaling to several instances, and the memory of timers over restarts.
"""
