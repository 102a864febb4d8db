// Who is signed in. At /shop/ that is a login of its own; inside PocketBase's dashboard it is the dashboard's superuser.
import { computed, shallowRef } from 'vue';
import { api, setToken, whenExpired } from '@/api/client';
import type { Me, Permission, Session } from '@/api/types';

const KEPT = 'wxbase.token';

type Dashboard = Window & { app?: { pb?: { authStore?: { token?: string } } } };

/** dashboard is the window of PocketBase's dashboard when these pages stand inside it. */
export const dashboard = ((): Dashboard | null => {
  try {
    const parent = window.parent as Dashboard;
    return parent !== window && parent.app?.pb ? parent : null;
  } catch {
    return null; // a page of another site
  }
})();

export const embedded = dashboard !== null;

const me = shallowRef<Me | null>(null);
const leave = shallowRef<() => void>(() => {});

export const session = {
  me: computed(() => me.value),
  can: (permission: Permission) => me.value?.permissions.includes(permission) ?? false,
};

/** whenSignedOut is called when the session has ended, by the person or by the server. */
export function whenSignedOut(handler: () => void) {
  leave.value = handler;
}

const tokenKept = () => dashboard?.app?.pb?.authStore?.token || localStorage.getItem(KEPT) || '';

/** resume goes on with the token of an earlier visit; false when there is none or it has ended. */
export async function resume(): Promise<boolean> {
  const token = tokenKept();
  if (!token) return false;
  setToken(token);
  try {
    me.value = await api.get<Me>('staff/me');
    return true;
  } catch (problem) {
    const status = (problem as { status?: number }).status ?? 0;
    if (status === 401 || status === 403) forget();
    else throw problem;
    return false;
  }
}

/** signInStaff logs a member of the staff in; code is the one of their authenticator. */
export async function signInStaff(email: string, password: string, code?: string) {
  const answer = await api.post<Session>('staff/login', code ? { email, password, code } : { email, password });
  keep(answer.token);
  me.value = answer.me;
}

/** signInSuperuser logs in with an account of PocketBase's dashboard. */
export async function signInSuperuser(email: string, password: string) {
  const answer = await api.post<{ token: string }>('/api/collections/_superusers/auth-with-password', { identity: email, password });
  keep(answer.token);
  me.value = await api.get<Me>('staff/me');
}

/** refreshMe reads one's own account again, after a change to it. */
export async function refreshMe() {
  me.value = await api.get<Me>('staff/me');
}

export async function signOut() {
  if (me.value?.role !== 'superuser') await api.post('staff/logout').catch(() => {});
  forget();
  leave.value();
}

function keep(token: string) {
  setToken(token);
  localStorage.setItem(KEPT, token);
}

function forget() {
  setToken('');
  if (!embedded) localStorage.removeItem(KEPT);
  me.value = null;
}

whenExpired(() => {
  forget();
  leave.value();
});
