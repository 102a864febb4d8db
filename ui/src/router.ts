// The pages, one chunk each. `permission` is what a person needs to see one; the server checks it again.
import { createRouter, createWebHashHistory, type RouteRecordRaw } from 'vue-router';
import type { Permission } from './api/types';
import { t } from './i18n';
import { dashboard, resume, session, whenSignedOut } from './state/session';

declare module 'vue-router' {
  interface RouteMeta {
    title: string;
    permission?: Permission;
    open?: boolean; // without a login
    bare?: boolean; // without menu, for paper
  }
}

const page = (path: string, name: string, component: RouteRecordRaw['component'], permission: Permission = 'view'): RouteRecordRaw =>
  ({ path, name, component, meta: { title: `title.${name}`, permission } }) as RouteRecordRaw;

const routes: RouteRecordRaw[] = [
  { path: '/login', name: 'login', component: () => import('./pages/LoginPage.vue'), meta: { title: 'title.login', open: true, bare: true } },
  page('/', 'overview', () => import('./pages/OverviewPage.vue')),
  page('/orders', 'orders', () => import('./pages/OrdersPage.vue')),
  { path: '/orders/print', name: 'print', component: () => import('./pages/PrintPage.vue'), meta: { title: 'title.print', permission: 'view', bare: true } },
  page('/orders/:id', 'order', () => import('./pages/OrderPage.vue')),
  page('/alerts', 'alerts', () => import('./pages/AlertsPage.vue')),
  page('/complaints', 'complaints', () => import('./pages/ComplaintsPage.vue')),
  page('/complaints/:id', 'complaint', () => import('./pages/ComplaintPage.vue')),
  page('/chats', 'chats', () => import('./pages/ChatsPage.vue')),
  page('/chats/:id', 'chat', () => import('./pages/ChatPage.vue')),
  page('/products', 'products', () => import('./pages/ProductsPage.vue')),
  page('/products/:id', 'product', () => import('./pages/ProductPage.vue')),
  page('/users', 'users', () => import('./pages/UsersPage.vue')),
  page('/users/:id', 'user', () => import('./pages/UserPage.vue')),
  page('/codes', 'codes', () => import('./pages/CodesPage.vue')),
  { path: '/codes/print', name: 'codesheet', component: () => import('./pages/CodeSheetPage.vue'), meta: { title: 'title.codesheet', permission: 'view', bare: true } },
  page('/codes/:id', 'code', () => import('./pages/CodePage.vue')),
  page('/links', 'links', () => import('./pages/LinksPage.vue')),
  page('/messages', 'messages', () => import('./pages/MessagesPage.vue')),
  page('/rooms', 'rooms', () => import('./pages/RoomsPage.vue')),
  page('/rooms/:room', 'room', () => import('./pages/RoomPage.vue')),
  page('/inbox', 'inbox', () => import('./pages/InboxPage.vue'), 'books'),
  page('/effects', 'effects', () => import('./pages/EffectsPage.vue'), 'books'),
  page('/payouts', 'payouts', () => import('./pages/PayoutsPage.vue')),
  page('/payouts/:id', 'payout', () => import('./pages/PayoutPage.vue')),
  page('/bills', 'bills', () => import('./pages/BillsPage.vue'), 'books'),
  page('/held', 'held', () => import('./pages/HeldPage.vue'), 'outreach'),
  page('/setup', 'setup', () => import('./pages/SetupPage.vue'), 'setup'),
  page('/doctor', 'doctor', () => import('./pages/DoctorPage.vue'), 'setup'),
  page('/staff', 'staff', () => import('./pages/StaffPage.vue'), 'staff'),
  page('/audit', 'audit', () => import('./pages/AuditPage.vue'), 'audit'),
  page('/account', 'account', () => import('./pages/AccountPage.vue')),
  { path: '/:rest(.*)*', name: 'missing', component: () => import('./pages/MissingPage.vue'), meta: { title: 'title.missing' } },
];

export const router = createRouter({
  history: createWebHashHistory(),
  routes,
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
});

let resumed: Promise<boolean> | null = null;

router.beforeEach(async (to) => {
  if (to.meta.open) return true;
  if (!session.me.value) {
    resumed ??= resume();
    const known = await resumed.catch(() => false).finally(() => (resumed = null));
    if (!known) return { name: 'login', query: to.fullPath === '/' ? {} : { next: to.fullPath } };
  }
  if (to.meta.permission && !session.can(to.meta.permission)) return { name: 'missing', params: { rest: to.path.slice(1).split('/') }, query: { why: 'role' } };
  return true;
});

router.afterEach((to) => {
  document.title = [t(to.meta.title), session.me.value?.shop || 'wxbase'].join(' · ');
  // the dashboard's address follows, so that a reload in it opens the same page
  if (dashboard && !to.meta.open) dashboard.history.replaceState(dashboard.history.state, '', `#/wechat${to.fullPath === '/' ? '' : to.fullPath}`);
});

whenSignedOut(() => {
  const { fullPath, meta } = router.currentRoute.value;
  if (!meta.open) void router.push({ name: 'login', query: fullPath === '/' ? {} : { next: fullPath } });
});
