// the few names of Node that strict.js uses, where no other types of Node are wanted
declare const Buffer: { byteLength(text: string): number };
declare function setImmediate(fn: () => void): void;
