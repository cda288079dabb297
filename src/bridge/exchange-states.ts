// Where an exchange can stand and what moves it on: a table, walked by exchange.ts at each event and whole by a
// test. docs/architecture.md draws it. Data only.

/** Where an exchange stands. */
export type ExchangeState =
  'receiving' | 'dispatched' | 'streaming' | 'draining' | 'sendingFile' | 'over';

/** What can happen to it. */
export type ExchangeEvent =
  | 'dispatch'
  | 'response'
  | 'responseStream'
  | 'responseFile'
  | 'end'
  | 'sent'
  | 'timedOut'
  | 'clientGone'
  | 'refused';

/** State × event → next state; what is missing is ignored: a frame may cross a client that leaves. */
export const TRANSITIONS: Readonly<
  Record<ExchangeState, Readonly<Partial<Record<ExchangeEvent, ExchangeState>>>>
> = {
  receiving: { dispatch: 'dispatched', refused: 'over', clientGone: 'over' },
  dispatched: {
    response: 'over',
    responseStream: 'streaming',
    responseFile: 'sendingFile',
    end: 'over',
    timedOut: 'over',
    // Python still has it, and says when it is done with it.
    clientGone: 'dispatched',
  },
  streaming: { end: 'draining', sent: 'over', timedOut: 'over' },
  // Python is done with it, and its id may be another's; the client takes what is left.
  draining: { sent: 'over' },
  sendingFile: { sent: 'over' },
  over: {},
};
