// Requests to the server: one place for the token, the language and the shape of errors.
import { language } from '@/i18n';

/** Problem is an error that the server has explained: message is for people, code for programs. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code = '',
    readonly data: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

export type Query = Record<string, string | number | boolean | undefined | null>;

let token = '';
let onExpired = () => {};
let offline = () => 'The server does not answer.';

/** setToken is what every later request carries; "" signs out. */
export function setToken(next: string) {
  token = next;
}

/** whenExpired is called when the server no longer knows the token. */
export function whenExpired(handler: () => void) {
  onExpired = handler;
}

/** wordsForOffline gives the message for a server that cannot be reached, which can send none itself. */
export function wordsForOffline(words: () => string) {
  offline = words;
}

/** address turns "orders" into /api/wx/admin/orders; a path that begins with a slash stays. */
export function address(path: string, query: Query = {}): string {
  const url = path.startsWith('/') ? path : `/api/wx/admin/${path}`;
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== false);
  const search = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
  return search ? `${url}?${search}` : url;
}

async function problemOf(response: Response): Promise<Problem> {
  const body = await response.json().catch(() => null);
  const data = (body?.data ?? {}) as Record<string, unknown>;
  const reason = typeof data.reason === 'string' && data.reason ? ` (${data.reason})` : '';
  const message = firstFieldError(data) || (body?.message && body.message + reason) || `${response.status} ${response.statusText}`;
  return new Problem(response.status, message, typeof data.code === 'string' ? data.code : '', data);
}

// PocketBase answers a record's errors as {field: {code, message}}.
function firstFieldError(data: Record<string, unknown>): string {
  for (const [field, value] of Object.entries(data)) {
    const message = (value as { message?: unknown } | null)?.message;
    if (typeof message === 'string') return `${field}: ${message}`;
  }
  return '';
}

/** request sends one request and gives the response, or throws a Problem. */
export async function request(method: string, path: string, query?: Query, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = { 'Accept-Language': language() };
  if (token) headers.Authorization = token;
  const isForm = body instanceof FormData;
  if (body !== undefined && !isForm) headers['Content-Type'] = 'application/json';
  const sent = body === undefined ? undefined : isForm ? body : JSON.stringify(body);
  const response = await fetch(address(path, query), { method, headers, body: sent }).catch(() => {
    throw new Problem(0, offline());
  });
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (response.status === 401 && token) onExpired();
  throw problem;
}

async function json<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T;
  return response.json();
}

export const api = {
  get: async <T>(path: string, query?: Query) => json<T>(await request('GET', path, query)),
  post: async <T>(path: string, body: unknown = {}) => json<T>(await request('POST', path, undefined, body)),
  put: async <T>(path: string, body: unknown) => json<T>(await request('PUT', path, undefined, body)),
  patch: async <T>(path: string, body: unknown) => json<T>(await request('PATCH', path, undefined, body)),
  delete: async <T>(path: string, body?: unknown) => json<T>(await request('DELETE', path, undefined, body)),
  blob: async (path: string, query?: Query) => (await request('GET', path, query)).blob(),
};

/** download reads an answer piece by piece, telling how many bytes have come, and gives it as a file. */
export async function download(path: string, query: Query, progress: (bytes: number) => void): Promise<Blob> {
  const response = await request('GET', path, query);
  const reader = response.body!.getReader();
  const parts: BlobPart[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value as unknown as BlobPart);
    bytes += value.byteLength;
    progress(bytes);
  }
  return new Blob(parts, { type: response.headers.get('Content-Type') || 'application/octet-stream' });
}

/** saveAs hands a file to the browser's downloads. */
export function saveAs(blob: Blob, name: string) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
