import { createApp } from 'vue';
import App from './App.vue';
import { wordsForOffline } from './api/client';
import { i18n, startLanguage, t } from './i18n';
import { router } from './router';
import { startTheme } from './state/theme';
import 'element-plus/es/components/base/style/css';
import 'element-plus/theme-chalk/dark/css-vars.css';
import './style.css';

startTheme();
wordsForOffline(() => t('common.offline'));
await startLanguage();
createApp(App).use(i18n).use(router).mount('#app');
