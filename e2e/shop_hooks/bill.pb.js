// what the story of the shop cannot bring about by itself: a day of WeChat's bill, of the past, on which the books differ
routerAdd("POST", "/e2e/bill", (e) => {
  const bill = new Record($app.findCollectionByNameOrId("wx_bills"))
  bill.load({ date: "2026-01-05", merchant: "1900000001", state: "DIFFERENT", totals: { payments: 2, theirTotal: 3601, ourTotal: 3600 } })
  $app.save(bill)
  const difference = new Record($app.findCollectionByNameOrId("wx_bill_diffs"))
  difference.load({ bill: bill.id, kind: "payment_total", outTradeNo: "N20260105", ours: { amount: 3600 }, theirs: { amount: 3601 } })
  $app.save(difference)
  return e.json(200, { outTradeNo: "N20260105" })
}, $apis.requireSuperuserAuth())
