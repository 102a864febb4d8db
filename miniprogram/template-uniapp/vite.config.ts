import { defineConfig } from 'vite';
import plugin from '@dcloudio/vite-plugin-uni';

// note: the plugin is CommonJS, and its default export arrives as a property
const uni = (plugin as unknown as { default?: typeof plugin }).default || plugin;

export default defineConfig({ plugins: [uni()] });
