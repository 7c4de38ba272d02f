module merklelog/tests/interop/readlog

go 1.25.0

// Not an older one: for long, tlog.TileHashReader left some tiles unchecked.
require golang.org/x/mod v0.40.0
