// What of a text may reach a terminal or a log's reader: pure functions, used by the logger, the access log
// and by whoever puts a client's bytes into a message. They must never throw: every string is acceptable.

// C0 (but tab and line feed), DEL, C1 (0x9b starts an escape sequence too), and the marks that reorder text.
const hostile = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;
const unquotable = /[^\x20-\x7e]|["\\]/g;

/** Makes `text` harmless to a terminal; line feeds and tabs stay, so that tracebacks keep their form. */
export function escapeControls(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(hostile, (character) => {
    const code = character.charCodeAt(0);
    return code > 0xff ? `\\u${code.toString(16)}` : hex(code);
  });
}

/**
 * Escapes as Apache does in its logs: `\"`, `\\`, and `\xhh` for all that isn't printable ASCII, so that no
 * value can end its quotes or its line. A text from the wire holds one byte a character (latin-1).
 */
export function escapeField(text: string): string {
  return text.replace(unquotable, (character) => {
    if (character === '"' || character === '\\') return `\\${character}`;
    const code = character.charCodeAt(0);
    return code > 0xff
      ? Buffer.from(character).reduce((all, byte) => all + hex(byte), '')
      : hex(code);
  });
}

function hex(code: number): string {
  return `\\x${code.toString(16).padStart(2, '0')}`;
}
