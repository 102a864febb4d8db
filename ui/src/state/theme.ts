// Light or dark: the system's choice until somebody switches. Inside the dashboard it is the dashboard's.
import { ref, watchEffect } from 'vue';
import { dashboard } from './session';

export type Theme = 'system' | 'light' | 'dark';
const KEPT = 'wxbase.theme';

const system = window.matchMedia('(prefers-color-scheme: dark)');
const systemDark = ref(system.matches);
system.addEventListener('change', (event) => (systemDark.value = event.matches));

export const theme = ref<Theme>((localStorage.getItem(KEPT) as Theme) || 'system');
export const dark = ref(false);

function followDashboard() {
  const root = dashboard!.document.documentElement;
  const read = () => (dark.value = root.dataset.colorScheme === 'dark');
  new MutationObserver(read).observe(root, { attributeFilter: ['data-color-scheme'] });
  read();
}

/** setTheme switches and remembers. */
export function setTheme(next: Theme) {
  theme.value = next;
  if (next === 'system') localStorage.removeItem(KEPT);
  else localStorage.setItem(KEPT, next);
}

export function startTheme() {
  if (dashboard) followDashboard();
  else watchEffect(() => (dark.value = theme.value === 'dark' || (theme.value === 'system' && systemDark.value)));
  watchEffect(() => document.documentElement.classList.toggle('dark', dark.value));
}
