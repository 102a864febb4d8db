// Data of a page: what is loaded, whether it is still coming, and what went wrong.
import { computed, onScopeDispose, reactive, ref, shallowRef, watch } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import { ElMessage } from 'element-plus/es/components/message/index';
import 'element-plus/es/components/message/style/css';
import type { Page } from '@/api/types';

export type Loading = { busy: boolean; error: Error | null; loaded: boolean };

/** useLoad reads something once, and again on reload(). An answer that a later question has overtaken is dropped. */
export function useLoad<T>(read: () => Promise<T>, { now = true } = {}) {
  const data = shallowRef<T>();
  const state = reactive<Loading>({ busy: false, error: null, loaded: false });
  let asked = 0;

  async function reload() {
    const mine = ++asked;
    state.busy = true;
    try {
      const answer = await read();
      if (mine !== asked) return;
      data.value = answer;
      state.error = null;
      state.loaded = true;
    } catch (problem) {
      if (mine === asked) state.error = problem as Error;
    } finally {
      if (mine === asked) state.busy = false;
    }
  }
  onScopeDispose(() => asked++);
  if (now) void reload();
  return { data, state, reload };
}

/** useList reads a page of a list. Its filters and its page number live in the address, so that a reload or a shared link shows the same. */
export function useList<T, F extends Record<string, string>>(read: (filters: F & { page: number }) => Promise<Page<T>>, defaults: F) {
  const route = useRoute();
  const router = useRouter();
  const path = route.path;
  const fromAddress = () => Object.fromEntries(Object.keys(defaults).map((key) => [key, String(route.query[key] ?? defaults[key])])) as F;
  const filters = reactive({ ...fromAddress() }) as F;
  const page = computed(() => Math.max(1, Number(route.query.page) || 1));
  const { data, state, reload } = useLoad(() => read({ ...fromAddress(), page: page.value }));

  watch(
    () => route.query,
    () => {
      if (route.path !== path) return; // on the way to another page
      Object.assign(filters, fromAddress());
      void reload();
    },
  );

  function go(to: number) {
    const wanted = Object.entries(filters).filter(([key, value]) => value && value !== defaults[key]);
    const others = Object.entries(route.query).filter(([key]) => !(key in defaults) && key !== 'page');
    void router.replace({ query: { ...Object.fromEntries([...others, ...wanted]), ...(to > 1 ? { page: String(to) } : {}) } });
  }
  const items = computed(() => data.value?.items ?? []);
  const total = computed(() => data.value?.totalItems ?? 0);
  const perPage = computed(() => data.value?.perPage || 20);
  const apply = () => go(1);
  return reactive({ filters, items, total, perPage, page, state, go, apply, reload });
}

/** useAction runs one change at a time: a second click while the first is on its way does nothing. */
export function useAction() {
  const busy = ref(false);
  async function run(work: () => Promise<unknown>, done = ''): Promise<boolean> {
    if (busy.value) return false;
    busy.value = true;
    try {
      await work();
      if (done) ElMessage.success({ message: done });
      return true;
    } catch (problem) {
      ElMessage.error({ message: (problem as Error).message, grouping: true, duration: 6000, showClose: true });
      return false;
    } finally {
      busy.value = false;
    }
  }
  return reactive({ busy, run });
}
