package migrations_test

import (
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
)

// shop is one row of everything for each of two people.
type shop struct {
	me, other         *core.Record // users
	mine, theirs      map[string]*core.Record
	onSale, withdrawn *core.Record
}

func newShop(t *testing.T, k *kit) shop {
	t.Helper()
	s := shop{me: k.make(t, "users", map[string]any{"name": "a"}), other: k.make(t, "users", map[string]any{"name": "b"})}
	s.mine, s.theirs = k.belongings(t, s.me, "A"), k.belongings(t, s.other, "B")
	s.onSale = k.make(t, "products", map[string]any{"name": "面", "price": 1800, "active": true})
	s.withdrawn = k.make(t, "products", map[string]any{"name": "汤", "price": 600})
	return s
}

func (k *kit) belongings(t *testing.T, user *core.Record, mark string) map[string]*core.Record {
	t.Helper()
	png, err := base64.StdEncoding.DecodeString(pixel)
	if err != nil {
		t.Fatal(err)
	}
	image, err := filesystem.NewFileFromBytes(png, "code.png")
	if err != nil {
		t.Fatal(err)
	}
	order := k.make(t, "orders", map[string]any{
		"user": user.Id, "number": "N" + mark, "total": 1, "payState": "UNPAID", "shipState": "NONE", "key": "k",
	})
	payment := k.make(t, "payments", map[string]any{
		"order": order.Id, "merchant": "1900000001", "appid": "wx", "api": "v3", "outTradeNo": "TRADE-" + mark, "state": "NEW",
		"openid": "o", "paramsHash": "h",
	})
	code := k.make(t, "wx_codes", map[string]any{"user": user.Id, "appid": "wx", "kind": "unlimited", "key": mark, "image": image})
	photo, err := filesystem.NewFileFromBytes(png, "photo.png")
	if err != nil {
		t.Fatal(err)
	}
	chat := k.make(t, "wx_chats", map[string]any{"appid": "wx", "openid": mark, "user": user.Id})
	visitor := k.make(t, "users", map[string]any{"name": "v" + mark})
	return map[string]*core.Record{
		"orders":   order,
		"payments": payment,
		"refunds": k.make(t, "refunds", map[string]any{
			"order": order.Id, "payment": payment.Id, "merchant": "1900000001", "outRefundNo": "R" + mark, "state": "NEW", "amount": 1,
		}),
		"wx_codes":         code,
		"wx_scans":         k.make(t, "wx_scans", map[string]any{"code": code.Id, "day": "2026-01-31", "user": visitor.Id, "inviter": user.Id, "count": 1}),
		"wx_invites":       k.make(t, "wx_invites", map[string]any{"user": visitor.Id, "inviter": user.Id, "code": code.Id}),
		"wx_links":         k.make(t, "wx_links", map[string]any{"user": user.Id, "appid": "wx", "kind": "short", "key": mark, "url": "x"}),
		"wx_checks":        k.make(t, "wx_checks", map[string]any{"user": user.Id, "appid": "wx", "kind": "text", "state": "PASS"}),
		"wx_complaints":    k.make(t, "wx_complaints", map[string]any{"source": "xpay", "number": mark, "state": "PENDING", "user": user.Id}),
		"wx_chats":         chat,
		"wx_chat_messages": k.make(t, "wx_chat_messages", map[string]any{"chat": chat.Id, "key": mark, "kind": "image", "state": "RECEIVED", "picture": photo}),
		"wx_messages": k.make(t, "wx_messages", map[string]any{
			"user": user.Id, "appid": "wx", "openid": mark, "templateId": "t", "state": "SENT",
		}),
		"wx_templates": k.make(t, "wx_templates", map[string]any{
			"event": "order.paid", "templateId": mark, "data": map[string]string{"thing1": "x"},
		}),
		"wx_check_fields": k.make(t, "wx_check_fields", map[string]any{"collection": "products", "field": mark, "action": "hold"}),
		"wx_quotas":       k.make(t, "wx_quotas", map[string]any{"key": mark, "used": 1}),
		"wx_consents":     k.make(t, "wx_consents", map[string]any{"user": user.Id, "templateId": "t"}),
		"wx_identities": k.make(t, "wx_identities", map[string]any{
			"user": user.Id, "appid": "wx", "openid": mark, "sessionKey": "ciphertext",
		}),
		"wx_ledger": k.make(t, "wx_ledger", map[string]any{"order": order.Id, "to": "PAID", "source": "test"}),
		"wx_outbox": k.make(t, "wx_outbox", map[string]any{"effect": "e", "key": mark}),
		"wx_inbox":  k.make(t, "wx_inbox", map[string]any{"kind": "k", "dedupeKey": mark, "state": "APPLIED"}),
	}
}

// TestOwnRowsOnly: people see their own orders, refunds, codes and consents, nobody else's, and nothing of the books.
func TestOwnRowsOnly(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	s := newShop(t, k)
	owned := []string{"orders", "refunds", "wx_codes", "wx_scans", "wx_invites", "wx_links", "wx_checks", "wx_consents"}
	for name := range s.mine {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, one, foreign := records(name), records(name)+"/"+s.mine[name].Id, records(name)+"/"+s.theirs[name].Id
			wantList, wantOne, wantGuest := http.StatusForbidden, http.StatusForbidden, http.StatusForbidden
			if slices.Contains(owned, name) {
				wantList, wantOne, wantGuest = http.StatusOK, http.StatusOK, http.StatusNotFound
			}
			mine := k.call(t, http.MethodGet, list, token(t, s.me), nil)
			if mine.status != wantList || wantList == http.StatusOK && !slices.Equal(mine.ids(), []string{s.mine[name].Id}) {
				t.Errorf("list: got %d %s, want %d and my own row", mine.status, mine.body, wantList)
			}
			if a := k.call(t, http.MethodGet, one, token(t, s.me), nil); a.status != wantOne {
				t.Errorf("mine: got %d, want %d", a.status, wantOne)
			}
			if a := k.call(t, http.MethodGet, foreign, token(t, s.me), nil); a.status == http.StatusOK {
				t.Errorf("somebody else's: got %s", a.body)
			}
			if a := k.call(t, http.MethodGet, one, "", nil); a.status != wantGuest {
				t.Errorf("guest: got %d, want %d", a.status, wantGuest)
			}
			if a := k.call(t, http.MethodGet, list, "", nil); len(a.ids()) != 0 {
				t.Errorf("guest lists: got %s", a.body)
			}
		})
	}
	if a := k.call(t, http.MethodGet, records("users"), token(t, s.me), nil); !slices.Equal(a.ids(), []string{s.me.Id}) {
		t.Errorf("users: got %s, want myself alone", a.body)
	}
	if a := k.call(t, http.MethodGet, records("products"), "", nil); !slices.Equal(a.ids(), []string{s.onSale.Id}) {
		t.Errorf("products: got %s, want what is on sale", a.body)
	}
}

// TestNoWriting: not one row of one collection can be made, changed or deleted by a guest or a user, but for their own profile.
func TestNoWriting(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	s := newShop(t, k)
	rows := maps.Clone(s.mine)
	rows["products"] = s.onSale
	all, err := k.FindAllCollections()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.System || c.Name == "users" {
			continue
		}
		id := "abcdefghijklmno"
		if r := rows[c.Name]; r != nil {
			id = r.Id
		}
		for who, token := range map[string]string{"guest": "", "user": token(t, s.me)} {
			for method, path := range map[string]string{
				http.MethodPost: records(c.Name), http.MethodPatch: records(c.Name) + "/" + id, http.MethodDelete: records(c.Name) + "/" + id,
			} {
				if a := k.call(t, method, path, token, map[string]any{"state": "PAID", "price": 1}); a.status != http.StatusForbidden {
					t.Errorf("%s %s by a %s: got %d %s, want 403", method, path, who, a.status, a.body)
				}
			}
		}
	}
}

// TestLedgerIsAppendOnly: in the database itself, so that it holds for superusers, the SQL console and other programs.
func TestLedgerIsAppendOnly(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	row := k.make(t, "wx_ledger", map[string]any{"to": "PAID", "source": "test"})
	super := token(t, k.make(t, core.CollectionNameSuperusers, map[string]any{"email": "owner@example.com"}))
	path := records("wx_ledger") + "/" + row.Id
	const console = "/api/sql"
	if a := k.call(t, http.MethodPost, console, super, map[string]any{"query": "SELECT id FROM wx_ledger"}); a.status != http.StatusOK {
		t.Fatalf("the console does not take a query this way: got %d %s", a.status, a.body)
	}
	for name, a := range map[string]answer{
		"change":   k.call(t, http.MethodPatch, path, super, map[string]any{"to": "UNPAID"}),
		"delete":   k.call(t, http.MethodDelete, path, super, nil),
		"truncate": k.call(t, http.MethodDelete, "/api/collections/wx_ledger/truncate", super, nil),
		"console":  k.call(t, http.MethodPost, console, super, map[string]any{"query": "DELETE FROM wx_ledger"}),
	} {
		if a.status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s, want 400", name, a.status, a.body)
		}
	}
	if _, err := k.DB().NewQuery("UPDATE wx_ledger SET `to` = 'UNPAID'").Execute(); err == nil {
		t.Error("plain SQL: got no error")
	}
	after, err := k.FindRecordById("wx_ledger", row.Id)
	if err != nil || after.GetString("to") != "PAID" {
		t.Errorf("got %v, %v, want the row as it was", after, err)
	}
	k.make(t, "wx_ledger", map[string]any{"to": "REFUNDED", "source": "test"})
}
