-- Prints what wrk measured as one line of JSON. Durations are in microseconds.

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"duration":%d,"requests":%d,"bytes":%d,"p50":%d,"p99":%d,"errors":%d}\n',
    summary.duration, summary.requests, summary.bytes,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
