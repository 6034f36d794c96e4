"""Real servers on loopback, one file a server: each starts at a free port, waits until it answers, ends by its own id.

`s3` (moto), `google` (moto behind a rewriting proxy), `azure` (Azurite), `ceph` (radosgw) and `web` (folders over
HTTP) give a `service.Service` or a URL; `faults.FaultProxy` stands before any of them; tests ask for `fixtures`.
"""
