export interface Breakage {
  readonly name: string;
  readonly apply: () => void;
  readonly restore: () => void;
}
export function breakages(folder: string): readonly Breakage[] {
  void folder;
  return [];
}
