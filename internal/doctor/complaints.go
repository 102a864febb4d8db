package doctor

import (
	"context"
	"errors"
	"net/url"

	"wxbase/internal/wxpay"
)

// complaintPath is where the server is notified of complaints, below its public address.
const complaintPath = "/api/wx/notify/complaint/"

// checkComplaints: does WeChat Pay send complaints here. A merchant has one address for them, and another program may have set it.
func checkComplaints(ctx context.Context, v *visit, s subject) outcome {
	if v.Gateway == nil {
		return result("complaints_unknown", "code", "-")
	}
	m := s.merchant
	m.API = "v3"
	gateway, err := v.Gateway(m, v.appOf(m))
	desk, ok := gateway.(wxpay.ComplaintDesk)
	if err != nil || !ok {
		return result("complaints_unknown", "code", "no keys of API v3")
	}
	address, err := desk.ComplaintAddress(ctx)
	if pe, refused := errors.AsType[*wxpay.Error](err); refused {
		return result("complaints_unknown", "code", string(pe.Kind)+" "+pe.Code)
	}
	switch {
	case err != nil:
		return result("complaints_unknown", "code", "-")
	case address == "":
		return result("complaints_none")
	case v.PublicURL != "" && address == v.PublicURL+complaintPath+m.MchID:
		return result("complaints_ok")
	}
	return result("complaints_elsewhere", "host", serverOf(address), "mchid", m.MchID)
}

// serverOf names a server without what its address may tell besides.
func serverOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "?"
	}
	return u.Host
}
