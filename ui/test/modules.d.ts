declare module '*/dashboard/translate.js' {
  export function translator(words: Record<string, string>): (text: string) => string | undefined;
  export function namesOf(collections: { name: string; fields?: { name: string; help?: string; values?: string[] }[] }[]): Set<string>;
}
declare module '*/scripts/pocketbase-texts.mjs' {
  export function sources(): string;
  export function textsOf(folder: string): Map<string, string[]>;
  export function messagesOf(folder: string): Map<string, string[]>;
}
