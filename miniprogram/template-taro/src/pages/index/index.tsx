import { Button, Text, View } from '@tarojs/components';
import { useLoad, useUnload } from '@tarojs/taro';
import { useRef, useState } from 'react';
import { connect, STATES, tell, yuan } from '../../shop';
import type { Client, Order, Product, RecordMessage } from '../../wxbase/index';
import './index.css';

export default function Index() {
  const [dishes, setDishes] = useState<Product[]>([]);
  const [order, setOrder] = useState<Order | null>(null);
  const [busy, setBusy] = useState(false);
  const off = useRef(() => {});

  useLoad(async () => {
    try {
      setDishes(await (await connect()).products());
    } catch (err) {
      tell(err);
    }
  });

  useUnload(() => off.current());

  async function buy(id: string) {
    if (busy) return;
    setBusy(true);
    try {
      const client = await connect();
      const made = await client.createOrder([{ product: id, quantity: 1 }]); // 没登录会先自动登录
      setOrder(made);
      follow(client, made.id);
      const { order: now } = await client.pay(made.id); // 打开收银台，然后向服务器确认
      if (now) setOrder(now);
    } catch (err) {
      tell(err);
    } finally {
      setBusy(false);
    }
  }

  /** 订单以后的变化（发货、退款）由服务器推送；断线重连之后再查一次。 */
  function follow(client: Client, id: string) {
    off.current();
    const again = async () => setOrder(await client.order(id));
    off.current = client.subscribe<RecordMessage<Order>>('orders/' + id, ({ record }) => setOrder(record), { onReconnect: again });
  }

  return (
    <View className="page">
      {dishes.map((dish) => (
        <View key={dish.id} className="dish">
          <Text>{dish.name} ¥{yuan(dish.price)}</Text>
          <Button size="mini" type="primary" disabled={busy} onClick={() => buy(dish.id)}>买一份</Button>
        </View>
      ))}
      {order && <View className="order">订单 {order.number}：{STATES[order.payState]}</View>}
    </View>
  );
}
