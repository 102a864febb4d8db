package doctor

import (
	"context"
	"strconv"

	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// noOrder is a number that no shop gives out: WeChat looks at the signature of the question and finds nothing.
const noOrder = "doctor-0000000000"

// checkVirtual: does WeChat take the AppKey of virtual payment. It asks for an order that nobody has made.
func checkVirtual(ctx context.Context, v *visit, s subject) outcome {
	a := s.app
	if a.XpayOfferID == "" && a.XpayKey == "" && a.XpaySandboxKey == "" {
		return result("virtual_off", "app", a.AppID)
	}
	sandbox := a.XpayEnv == settings.XpaySandbox
	env := settings.XpayLive
	if sandbox {
		env = settings.XpaySandbox
	}
	switch {
	case !a.SellsVirtual():
		return result("virtual_half", "env", env)
	case a.XpayKey == a.XpaySandboxKey:
		return result("virtual_same")
	}
	_, _, err := v.token(ctx, a).client.Xpay(a.XpayKeyIn(sandbox), sandbox).Order(ctx, wechat.XpayKey{OrderID: noOrder})
	switch errcode := errcodeOf(err); {
	case errcode == wechat.XpayBadSignature:
		return result("virtual_key_wrong", "env", env)
	case err != nil:
		return result("virtual_unknown", "errcode", strconv.Itoa(errcode))
	}
	return result("virtual_ok", "env", env)
}
