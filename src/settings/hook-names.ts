// The names of gunicorn's hooks: functions of a config file that are called when something happens. Known here so
// that a hook is told from a typing error. Data only.

export const hookNames = [
  ...['on_starting', 'on_reload', 'when_ready', 'pre_fork', 'post_fork', 'post_worker_init'],
  ...['worker_int', 'worker_abort', 'pre_exec', 'pre_request', 'post_request', 'child_exit'],
  ...['worker_exit', 'nworkers_changed', 'on_exit', 'ssl_context'],
] as const;
