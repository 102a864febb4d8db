import { defineConfig } from '@tarojs/cli';

export default defineConfig({
  projectName: 'wxbase',
  designWidth: 750,
  deviceRatio: { 640: 2.34 / 2, 750: 1, 375: 2, 828: 1.81 / 2 },
  sourceRoot: 'src',
  outputRoot: 'dist',
  framework: 'react',
  compiler: 'vite',
  mini: { postcss: { pxtransform: { enable: true, config: {} } } },
});
