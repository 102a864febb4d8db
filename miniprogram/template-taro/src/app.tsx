import { useLaunch } from '@tarojs/taro';
import type { PropsWithChildren } from 'react';
import { connect } from './shop';

export default function App({ children }: PropsWithChildren) {
  useLaunch(async () => {
    const client = await connect();
    if (client.token) await client.refresh().catch(() => undefined); // 有登录就续期
  });
  return children;
}
