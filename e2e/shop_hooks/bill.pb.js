// what the story of the shop cannot bring about by itself: a day of WeChat's bill, of the past, on which the books differ
routerAdd("POST", "/e2e/bill", (e) => {
  const merchant = "1900000001", date = "2026-01-05"
  const bill = new Record($app.findCollectionByNameOrId("wx_bills"))
  bill.load({ date, merchant, state: "DIFFERENT", totals: { payments: 2, theirTotal: 3601, ourTotal: 3600 } })
  $app.save(bill)
  const differences = [
    { kind: "payment_total", outTradeNo: "N20260105", ours: { amount: 3600 }, theirs: { amount: 3601 } },
    ...(e.request.url.query().get("foreign") ? [{ kind: "payment_missing_here", outTradeNo: "POS20260105", theirs: { amount: 900 } }] : []),
  ]
  for (const one of differences) {
    const difference = new Record($app.findCollectionByNameOrId("wx_bill_diffs"))
    difference.load({ bill: bill.id, ...one })
    $app.save(difference)
  }
  const alert = new Record($app.findCollectionByNameOrId("wx_alerts"))
  alert.load({ kind: "bill", subject: merchant + "/" + date, details: { merchant, date, state: "DIFFERENT" }, since: new DateTime(), last: new DateTime(), seen: 1 })
  $app.save(alert)
  return e.json(200, { outTradeNo: "N20260105" })
}, $apis.requireSuperuserAuth())
