export interface ProxyHeader {
  readonly length: number;
}
export function parseProxyHeader(bytes: Buffer, mode: string): ProxyHeader | 'incomplete' {
  void bytes;
  void mode;
  return 'incomplete';
}
export function proxiedFacts<T>(header: ProxyHeader, own: T): T {
  void header;
  return own;
}
