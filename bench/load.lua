-- What wrk sends, and how it tells what it has seen. The plan comes in the environment: BENCH_METHOD, BENCH_BODY (a
-- file), BENCH_TYPE (its media type), BENCH_COOKIE, and BENCH_SELDOM: a path that every BENCH_EVERY-th request has.

local get = os.getenv

if get('BENCH_METHOD') then wrk.method = get('BENCH_METHOD') end
if get('BENCH_TYPE') then wrk.headers['Content-Type'] = get('BENCH_TYPE') end
if get('BENCH_COOKIE') then wrk.headers['Cookie'] = get('BENCH_COOKIE') end
if get('BENCH_BODY') then
  local file = assert(io.open(get('BENCH_BODY'), 'rb'))
  wrk.body = file:read('*a')
  file:close()
end

-- Without a function of this name wrk makes the request once, which costs it less.
if get('BENCH_SELDOM') then
  local every, count = tonumber(get('BENCH_EVERY')), 0
  local often, seldom
  function init()
    often, seldom = wrk.format(), wrk.format(nil, get('BENCH_SELDOM'))
  end
  function request()
    count = count + 1
    return count % every == 0 and seldom or often
  end
end

-- The seldom ones are the slowest: to leave them out, look that much lower in the order of all.
local share = get('BENCH_SELDOM') and 1 - 1 / tonumber(get('BENCH_EVERY')) or 1

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nJSON {"microseconds":%d,"requests":%d,"bytes":%d,"p50":%.3f,"p90":%.3f,"p99":%.3f,"slowest":%.3f,' ..
    '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
    summary.duration, summary.requests, summary.bytes,
    latency:percentile(50 * share) / 1000, latency:percentile(90 * share) / 1000,
    latency:percentile(99 * share) / 1000, latency.max / 1000,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
