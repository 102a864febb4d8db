package sim

import (
	"strconv"

	"github.com/labstack/echo/v5"
)

// phoneSPU is the product id (spuId) of the phone number button's packages.
const phoneSPU = "10000077"

// errnoNoPackage is the errno of the phone number button once the package is used up.
const errnoNoPackage = 1400001

// phoneUse is how many numbers phones have handed to a mini program. Each costs its owner money.
type phoneUse struct {
	AppID string `json:"appid"`
	Used  int    `json:"used"`
}

func (u phoneUse) Entity() (kind, id string) { return "phone_use", u.AppID }

// phoneUseTable counts them by appid.
type phoneUseTable struct{ phoneUses map[string]*phoneUse }

func (t *phoneUseTable) register(r *registry) { remember(r, "phone_use", &t.phoneUses, nil) }

// phonesUsed is how many of the package are gone. The caller holds s.mu.
func (s *Sim) phonesUsed(appid string) int {
	if use := s.state.phoneUses[appid]; use != nil {
		return use.Used
	}
	return 0
}

// spendPhone takes one number off the package, when the phone succeeds and not when the backend asks; false means that it is used up. The
// caller holds s.mu.
func (s *Sim) spendPhone(appid string) (bool, error) {
	use := &phoneUse{appid, s.phonesUsed(appid) + 1}
	if use.Used > s.quota(quotaPhones) {
		return false, nil
	}
	if err := s.save(use); err != nil {
		return false, err
	}
	s.state.phoneUses[appid] = use
	return true, nil
}

// refusedPhone is what the button tells the page then.
func refusedPhone(c *echo.Context) error {
	return c.JSON(200, map[string]any{"errMsg": "getPhoneNumber:fail no quota", "errno": errnoNoPackage})
}

// chargeUsage is GET /wxa/charge/usage/get: what is left of a package. All that is not the phone number button's was never bought.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/charge/api_getusagedetail.html (查询购买资源包的用量情况)
func (s *Sim) chargeUsage(c *call) reply {
	limit, err := strconv.Atoi(or(c.query.Get("limit"), "20"))
	offset, err2 := strconv.Atoi(or(c.query.Get("offset"), "0"))
	if err != nil || err2 != nil || limit < 1 || limit > 20 || offset < 0 || c.query.Get("spuId") == "" {
		return c.refuse(40097, "spuId, offset from 0 and limit of 1 to 20 are needed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	type usage struct {
		plainOK
		All          int   `json:"all"`
		EffectiveAll int   `json:"effectiveAll"`
		EffectiveUse int   `json:"effectiveUse"`
		DetailList   []any `json:"detailList"`
		Total        int   `json:"total"`
	}
	told := usage{plainOK: plainOK{ErrMsg: "ok"}, DetailList: []any{}}
	if c.query.Get("spuId") == phoneSPU {
		told.All, told.EffectiveAll, told.EffectiveUse = s.quota(quotaPhones), s.quota(quotaPhones), s.phonesUsed(c.appid)
	}
	return c.ok(told)
}
