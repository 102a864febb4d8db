// what the rest of the pages needs and the shop cannot bring about by itself
// a rule of the shop that fails until somebody mends it
onWxOrderPaid((e) => {
  if (e.order.getString("note") == "e2e: the hook fails" && !e.app.store().get("e2eMended")) throw new Error("e2e: not yet")
  e.next()
})

routerAdd("POST", "/e2e/mend", (e) => {
  $app.store().set("e2eMended", true)
  return e.json(200, {})
}, $apis.requireSuperuserAuth())

// two alerts of one kind
routerAdd("POST", "/e2e/alerts", (e) => {
  for (const subject of ["pay-one", "pay-two"]) {
    const alert = new Record($app.findCollectionByNameOrId("wx_alerts"))
    alert.load({ kind: "payment", subject, details: {}, since: new DateTime(), last: new DateTime(), seen: 1 })
    $app.save(alert)
  }
  return e.json(200, {})
}, $apis.requireSuperuserAuth())

// a day whose bill WeChat has no longer, and money under a number that nobody knows
routerAdd("POST", "/e2e/unexplained", (e) => {
  const bill = new Record($app.findCollectionByNameOrId("wx_bills"))
  bill.load({ date: "2026-01-06", merchant: "1900000001", state: "LOST", totals: {} })
  $app.save(bill)
  const message = new Record($app.findCollectionByNameOrId("wx_inbox"))
  message.load({ kind: "pay", source: "1900000001", dedupeKey: "e2e/unexplained", ref: "POS20260106", body: "{}", verified: true, state: "UNMATCHED", error: "no such payment", seen: 1 })
  $app.save(message)
  return e.json(200, {})
}, $apis.requireSuperuserAuth())
