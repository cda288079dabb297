// Words for a shell: the commands that messages advise must do what they say in any folder. Pure.

/** `text` as one word for a shell. */
export function quote(text: string): string {
  return isPlain(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Whether a shell and make take this text as it is. */
export function isPlain(text: string): boolean {
  return /^[\w@%+=:,./-]+$/.test(text);
}
