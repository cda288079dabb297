// Local time with its offset in the two forms that gunicorn's users know. Pure but for the process' time
// zone. Each formatter keeps its last answer: a log asks many times within one second.

const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** Formats milliseconds since the epoch; the answer changes once a second. */
export type TimestampFormatter = (milliseconds: number) => string;

/** `2019-12-04 15:58:37 +0000` */
export function errorLogTimestamps(): TimestampFormatter {
  return oncePerSecond((date) => {
    const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
    return `${day} ${clock(date)} ${offset(date)}`;
  });
}

/** `2019-12-04T15:58:37.123456+00:00` (RFC 3339, with microseconds), in local time. */
export function rfc3339(milliseconds: number): string {
  const date = new Date(milliseconds);
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  const micros = Math.floor((milliseconds - Math.floor(milliseconds / 1000) * 1000) * 1000);
  const zone = offset(date);
  const fraction = micros.toString().padStart(6, '0');
  return `${day}T${clock(date)}.${fraction}${zone.slice(0, 3)}:${zone.slice(3)}`;
}

/** Milliseconds since the epoch, with their fraction: the system's clock, made finer by the monotonic one. */
export function wallClock(): number {
  const time = base + performance.now();
  const coarse = Date.now();
  if (Math.abs(time - coarse) < tolerance) return time;
  base = coarse - performance.now(); // the clock was set
  return coarse;
}

/** Milliseconds that the two clocks may differ by. */
const tolerance = 2;
let base = performance.timeOrigin;

/** `04/Dec/2019:15:58:37 +0000` */
export function accessLogTimestamps(): TimestampFormatter {
  return oncePerSecond((date) => {
    const month = months[date.getMonth()] ?? '';
    return `${pad(date.getDate())}/${month}/${date.getFullYear()}:${clock(date)} ${offset(date)}`;
  });
}

function oncePerSecond(format: (date: Date) => string): TimestampFormatter {
  let second = NaN;
  let text = '';
  return (milliseconds) => {
    const now = Math.floor(milliseconds / 1000);
    if (now !== second) {
      second = now;
      text = format(new Date(milliseconds));
    }
    return text;
  };
}

function clock(date: Date): string {
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** As strftime's %z; Date counts minutes west of Greenwich. */
function offset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}${pad(size % 60)}`;
}

function pad(number: number): string {
  return number.toString().padStart(2, '0');
}
