// What the doctor has found: one line for a person, one object for a program. Types only.

/** `problem`: it can't work; `warning`: it may not, or not well. */
export type State = 'good' | 'warning' | 'problem';

/** One thing that was looked at. */
export interface Finding {
  /** What was looked at, one word, for programs: `node`, `binding`. */
  readonly name: string;
  readonly state: State;
  /** What there is, in one line. */
  readonly text: string;
  /** What to do about it: a sentence, or a command. */
  readonly remedy?: string;
  /** The person's Python traceback. */
  readonly traceback?: string;
}
