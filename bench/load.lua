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

-- wrk adds a latency for each request that would have come while a slow one was waited for (stats_correct in its stats.c),
-- so one request of 100 ms among fast ones counts as twenty slow ones. Only those that there were are wanted here: the
-- same steps, from the slowest down, take the others away.
local function those_that_were(latency, interval)
  local counts, values = {}, {}
  for i = 1, #latency do
    local value, count = latency(i)
    counts[value] = count
    values[i] = value
  end
  for i = #values, 1, -1 do
    local count = counts[values[i]]
    local at = values[i] - interval
    while values[i] >= 2 * interval and count > 0 and at > interval do
      counts[at] = (counts[at] or 0) - count
      at = at - interval
    end
  end
  return values, counts
end

local function percentiles(latency, summary)
  local each = math.floor(summary.requests / tonumber(get('BENCH_CONNECTIONS')))
  local interval = each > 0 and math.floor(summary.duration / each) or math.huge
  local values, counts = those_that_were(latency, interval)
  local total = 0
  for _, value in ipairs(values) do total = total + counts[value] end
  return function(percent)
    local left = math.ceil(total * share * percent / 100)
    for _, value in ipairs(values) do
      left = left - counts[value]
      if left <= 0 then return value / 1000 end
    end
    return latency.max / 1000
  end, total
end

function done(summary, latency)
  local errors = summary.errors
  local percentile, total = percentiles(latency, summary)
  io.write(string.format(
    '\nJSON {"microseconds":%d,"requests":%d,"counted":%d,"bytes":%d,"p50":%.3f,"p90":%.3f,"p99":%.3f,"slowest":%.3f,' ..
    '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
    summary.duration, summary.requests, total, summary.bytes,
    percentile(50), percentile(90), percentile(99), latency.max / 1000,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
