/** The PocketBase JavaScript SDK in a mini program. */

export interface PocketBaseOptions {
  /** milliseconds without a byte after which the realtime stream is given up, 40000 when absent */
  idleTimeout?: number;
  /** failures of the realtime stream, which reconnects by itself */
  onError?: (err: Error) => void;
}

/**
 * Makes a client of the unmodified SDK (`require('pocketbase/dist/pocketbase.cjs.js')`, tried with 0.28) over wx.*: CRUD,
 * auth kept in wx storage, auto-cancellation, realtime. `realtime.subscribe('rooms/<room>', fn, {query: {after}})`
 * resumes by itself after each cut. wx.request sends no PATCH: `update()` goes out as a POST with a header; files go by wx.uploadFile.
 */
export function createPocketBase<T>(PocketBase: new (baseURL: string) => T, baseURL: string, wx: unknown, options?: PocketBaseOptions): T;

/** fetch, AbortController, EventSource, queueMicrotask, localStorage, window: what a bundler can put under the SDK instead. */
export function createPlatform(wx: unknown, options?: { idleTimeout?: number }): Record<string, unknown>;
