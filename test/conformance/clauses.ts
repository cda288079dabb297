// PEP 3333 as a table: every MUST, MUST NOT and REQUIRED that concerns a server, and the SHOULDs that an
// app can notice, each in our words. The paraphrase says what the server does; `proofs/` shows it, and the
// type of `proofs` in pep3333.test.ts refuses a row without a proof and a proof without a row.
// Left out: what the PEP asks of apps and of middleware alone, and Pythons before 3.

/** How strongly the PEP asks: its own word. */
export type Level = 'MUST' | 'MUST NOT' | 'REQUIRED' | 'SHOULD' | 'SHOULD NOT' | 'MAY';

/** One row: the PEP's section, its word, and what the server does. */
export type Clause = readonly [section: string, level: Level, says: string];

const overview = 'Specification Overview';
const details = 'Specification Details';
const variables = 'environ Variables';
const streams = 'Input and Error Streams';
const start = 'The start_response() Callable';
const length = 'Handling the Content-Length Header';
const streaming = 'Buffering and Streaming';
const write = 'The write() Callable';
const unicode = 'Unicode Issues';
const errors = 'Error Handling';
const expect = 'HTTP 1.1 Expect/Continue';
const features = 'Other HTTP Features';
const files = 'Optional Platform-Specific File Handling';

/** The clauses of how an app is called and what it is given. */
// prettier-ignore
const requestClauses = {
  'callable-of-any-kind': [overview, 'MUST NOT', 'nothing depends on what kind of callable the app is'],
  'called-once-a-request': ['The Server/Gateway Side', 'REQUIRED', 'each request calls the app once, and the next one calls it again'],
  'positional-arguments': [details, 'MUST', 'the app gets two positional arguments and no keywords'],
  'environ-is-a-dict': [details, 'MUST', 'environ is a dict itself, no subclass of it'],
  'environ-is-the-apps-own': [details, 'REQUIRED', 'what an app changes in environ is never seen by another request'],
  'native-strings': [unicode, 'MUST', 'every string in environ is a str'],
  'latin-1-only': [unicode, 'MUST NOT', 'no string in environ holds a code point above U+00FF, whatever bytes the client sent'],
  'request-method': [variables, 'MUST', 'REQUEST_METHOD is the method, never empty'],
  'script-name': [variables, 'MUST', 'SCRIPT_NAME is the path of the app: empty at the root'],
  'path-info': [variables, 'MUST', 'PATH_INFO is the rest of the path, percent-decoded to bytes as latin-1'],
  'query-string': [variables, 'MUST', 'QUERY_STRING is what follows the first "?", as sent; empty or absent without one'],
  'content-type': [variables, 'MUST', 'CONTENT_TYPE is the Content-Type field; empty or absent without one'],
  'content-length': [variables, 'MUST', 'CONTENT_LENGTH is the Content-Length field; empty or absent without one'],
  'server-name-and-port': [variables, 'REQUIRED', 'SERVER_NAME and SERVER_PORT are strings, never empty'],
  'server-protocol': [variables, 'MUST', 'SERVER_PROTOCOL is the version that the client used'],
  'http-variables': [variables, 'MUST', 'an HTTP_ variable is there for each field that was sent, and for no other'],
  'repeated-fields': [variables, 'MUST', 'a field sent more than once is one variable: joined by commas, cookies by semicolons'],
  'cgi-values-are-str': [variables, 'MUST', 'every CGI variable that is there is a str'],
  'unknown-left-out': [variables, 'SHOULD', 'a variable that does not apply is absent, not None or empty'],
  'other-cgi-variables': [variables, 'SHOULD', 'REMOTE_ADDR tells the client'],
  'wsgi-version': [variables, 'MUST', 'wsgi.version is the tuple (1, 0)'],
  'wsgi-url-scheme': [variables, 'MUST', 'wsgi.url_scheme is "http"'],
  'wsgi-multithread': [variables, 'MUST', 'wsgi.multithread is true with several threads, false with one'],
  'wsgi-multiprocess': [variables, 'MUST', 'wsgi.multiprocess is true with several workers, false with one'],
  'wsgi-run-once': [variables, 'MUST', 'wsgi.run_once is false'],
  'extension-names': [variables, 'SHOULD', 'other variables have lower-case names with a prefix'],
  'url-reconstruction': ['URL Reconstruction', 'REQUIRED', "the PEP's recipe gives back the URL that was asked for"],
  'input-methods': [streams, 'MUST', 'wsgi.input has read, readline, readlines and __iter__'],
  'input-read': [streams, 'MUST', 'read(size) gives at most so many bytes, and all of the body in the end'],
  'input-read-without-size': [streams, 'SHOULD', 'read() and read(-1) give the rest of the body'],
  'input-readline': [streams, 'MUST', 'readline() gives a line with its line feed'],
  'input-readline-with-size': [streams, 'SHOULD', 'readline(size) gives at most so much of a line'],
  'input-readlines': [streams, 'MUST', 'readlines(), with a hint and without, gives a list of lines'],
  'input-iter': [streams, 'MUST', 'iterating gives the lines'],
  'input-mixed': [streams, 'MUST', 'the methods share one position'],
  'input-end-of-file': [streams, 'SHOULD', 'reading past the body gives empty bytes and never blocks'],
  'input-of-no-body': [streams, 'SHOULD', 'a request with no body has an empty input'],
  'input-gives-bytes': [unicode, 'MUST', 'what is read is of type bytes'],
  'errors-methods': [streams, 'MUST', 'wsgi.errors has write, writelines and flush'],
  'errors-write': [streams, 'MUST', 'what is written is found in the error log, whole lines as they were'],
  'errors-writelines': [streams, 'MUST', 'so is what writelines is given'],
  'errors-flush': [streams, 'MUST', 'flush() brings out what has no line break yet'],
  'errors-unicode': [streams, 'SHOULD', 'any text is accepted, lone surrogates too'],
  'expect-continue': [expect, 'MUST', 'a client that waits for 100 Continue gets it and its body is read'],
  'expect-continue-old-client': [expect, 'MUST', 'an HTTP/1.0 client is never sent a 100'],
  'inbound-transfer-coding': [features, 'MUST', 'a chunked body is decoded, ends where it ends, and wsgi.input_terminated says so'],
  'single-thread-option': ['Thread Support', 'SHOULD', 'with one thread the app never runs twice at once'],
} as const satisfies Record<string, Clause>;

/** The clauses of what an app gives back. */
// prettier-ignore
const responseClauses = {
  'start-response-arguments': [details, 'MUST', 'start_response takes two positional arguments and an optional third'],
  'start-response-returns-write': [details, 'MUST', 'start_response returns a callable'],
  'any-iterable': [details, 'MUST', 'a list, tuple, iterator, generator, class or old-style sequence is a body'],
  'late-start-response': [details, 'MUST NOT', 'start_response may be called as late as in the first iteration'],
  'no-other-attributes': [details, 'MUST NOT', 'nothing of the iterable is used but iteration, len() and close()'],
  'no-start-response': [details, 'MUST', 'an app that never calls start_response is a 500 and a line in the log'],
  'binary-body': [details, 'SHOULD', "the body's bytes arrive unchanged, line endings too"],
  'close-when-complete': [details, 'MUST', 'close() is called once when the response is complete, even where it has no body'],
  'close-after-error': [details, 'MUST', 'close() is called once when the app fails while it is iterated'],
  'close-after-disconnect': [details, 'MUST', 'close() is called when the client leaves early'],
  'close-that-raises': [errors, 'SHOULD', 'an exception in close() is logged and the server lives'],
  'status-form': [start, 'MUST', 'a status that is not three digits, a space and a phrase is refused'],
  'status-control-characters': [start, 'MUST NOT', 'a status with a control character is refused'],
  'headers-are-a-list': [start, 'MUST', 'headers that are no pairs are refused; a sequence of them that is no list is taken'],
  'header-names': [start, 'MUST', 'a name that is no token is refused'],
  'header-control-characters': [start, 'MUST NOT', 'a value with a control character is refused'],
  'required-headers-added': [start, 'MUST', 'Date and Server are added where the app left them out'],
  'header-names-any-case': [start, 'REQUIRED', 'a header that the app gave, in any case, is not added again'],
  'headers-arrive': [start, 'REQUIRED', "the app's headers arrive in order, repeated ones too"],
  'no-hop-by-hop-headers': [start, 'SHOULD', 'no hop-by-hop header of the app reaches the client'],
  'errors-at-the-call': [start, 'SHOULD', 'a wrong status or header is raised by start_response itself'],
  'head-waits-for-body': [start, 'MUST NOT', 'no head is sent before the first block that is not empty'],
  'head-waits-for-written-body': [start, 'MUST NOT', 'nor by start_response itself, before the first write()'],
  'head-without-body': [start, 'MUST', 'an exhausted iterable sends the head'],
  'exc-info-replaces': [start, 'SHOULD', 'before the head is sent, a call with exc_info replaces status and headers'],
  'exc-info-after-head': [start, 'MUST', 'after the head is sent, it raises and the response is cut'],
  'exc-info-reraised': [start, 'SHOULD', 'what it raises is the very exception that it was given'],
  'exc-info-not-kept': [start, 'SHOULD NOT', 'no reference to exc_info is kept'],
  'second-call-is-fatal': [start, 'REQUIRED', 'a second call without exc_info is an error'],
  'second-call-after-refusal': [start, 'REQUIRED', 'also where the first one was refused; with exc_info it is allowed'],
  'length-not-exceeded': [length, 'SHOULD NOT', 'no more bytes are sent than Content-Length allows, and no more blocks asked for'],
  'length-not-exceeded-by-write': [length, 'SHOULD', 'a write() past Content-Length raises or is cut'],
  'length-not-reached': [length, 'SHOULD', 'a body shorter than Content-Length never looks complete (a cut, or a 500 in time), and is logged'],
  'length-generated': [length, 'MAY', 'a body of len() 1 gets its Content-Length'],
  'length-not-generated': [length, 'MUST', 'not where write() has sent something'],
  'chunked-to-new-clients': [length, 'MUST', 'a body of unknown length is chunked over HTTP/1.1 and the connection lives'],
  'unchunked-to-old-clients': [length, 'MUST', 'over HTTP/1.0 it is not chunked and ends with the connection'],
  'blocks-not-delayed': [streaming, 'MUST NOT', 'the client has each block before the app is asked for the next'],
  'written-blocks-not-delayed': [write, 'MUST', 'the client has what write() was given while the app goes on'],
  'write-is-a-body': [write, 'MUST', 'what write() was given is the body, empty blocks and an empty iterable included'],
  'write-before-iterable': [write, 'MUST', 'what the iterable yields comes after what was written'],
  'iterable-required': [write, 'MUST', 'an app that returns None or a number is a 500'],
  'strings-in-latin-1': [unicode, 'MUST', 'latin-1 in status and headers arrives as these bytes; anything above is refused'],
  'headers-are-str': [unicode, 'MUST', 'a status, name or value that is not a str is refused'],
  'blocks-are-bytes': [unicode, 'MUST', 'a block that is not bytes, yielded or written, is an error'],
  'errors-trapped': [errors, 'SHOULD', "an exception before the head is a 500, logged once with the request's line"],
  'errors-cut-the-response': [errors, 'SHOULD', 'an exception after the head cuts the response, and is logged'],
  'head-request': [features, 'REQUIRED', 'HEAD gets the head of the same answer and no body'],
  'statuses-without-body': [features, 'REQUIRED', '204 and 304 have no body, and the connection lives'],
  'content-left-alone': [features, 'SHOULD', 'the server changes neither content nor its describing headers'],
  'file-wrapper-arguments': [files, 'MUST', 'wsgi.file_wrapper takes a file and an optional block size'],
  'file-wrapper-iterable': [files, 'MUST', "it returns an iterable over the file's blocks"],
  'file-wrapper-sends-nothing-itself': [files, 'MUST NOT', 'nothing is read or sent until the wrapper is returned'],
  'file-wrapper-close': [files, 'MUST', "the file's close() is called once when the response is over"],
  'file-wrapper-any-object': [files, 'MUST', 'an object with nothing but read() works as well'],
  'file-wrapper-position': [files, 'REQUIRED', "sending begins at the file's position at that time, also behind a buffer"],
  'file-wrapper-length': [files, 'REQUIRED', 'sending ends with the file or with Content-Length'],
  'file-wrapper-in-middleware': [files, 'MUST', "middleware can read the wrapper's blocks and send others"],
  'file-wrapper-failing': [errors, 'SHOULD', 'a file that fails in the middle cuts the response, is logged and closed'],
} as const satisfies Record<string, Clause>;

/** All rows. */
export const clauses = { ...requestClauses, ...responseClauses };

/** The name of a row. */
export type ClauseId = keyof typeof clauses;

/** Shows one clause through a real server; rejects where the server breaks it. */
export type Proof = () => Promise<void>;
