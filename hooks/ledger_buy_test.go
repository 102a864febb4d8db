package hooks_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// ledgerWay is a way to pay: what is asked of the server, and what is done with the answer.
type ledgerWay struct {
	verb string
	pay  func(l *ledgerRun, payer ledgerPerson, handle map[string]any) error
}

// The ways, by their place in ledgerRun.ways.
const (
	byPhone = iota
	byCode
	byPage
	byVirtual
)

// ledgerWays: the phone's own cashier pays what the server signed; a code is scanned, and a page is opened, by anybody.
var ledgerWays = [...]ledgerWay{
	byPhone: {"/pay", onTheSheet("/pay")}, byCode: {"/native", atAnAddress("codeUrl")}, byPage: {"/h5", atAnAddress("h5Url")},
	byVirtual: {"/virtual", onTheSheet("/virtual")},
}

func onTheSheet(path string) func(*ledgerRun, ledgerPerson, map[string]any) error {
	return func(l *ledgerRun, payer ledgerPerson, handle map[string]any) error {
		handle["action"], handle["appid"] = "pay", payer.app
		_, err := l.server.control("/_sim/people/"+payer.id+path, handle)
		return err
	}
}

func atAnAddress(field string) func(*ledgerRun, ledgerPerson, map[string]any) error {
	return func(l *ledgerRun, payer ledgerPerson, handle map[string]any) error {
		_, err := l.server.control("/_sim/people/"+payer.id+"/pay-url", map[string]any{"url": handle[field], "action": "pay"})
		return err
	}
}

// isPayable tells whether an answer is one that can be paid by.
func isPayable(handle map[string]any) bool {
	return handle["paySign"] != nil || handle["paySig"] != nil || handle["codeUrl"] != nil || handle["h5Url"] != nil
}

// wayOf is how a person means to pay.
func (l *ledgerRun) wayOf(random *rand.Rand, person ledgerPerson) int {
	if l.virtual || l.mixed && person.app == l.wechat.Config().Apps[0].AppID && random.IntN(3) == 0 {
		return byVirtual
	}
	return []int{byPhone, byPhone, byCode, byPage}[random.IntN(4)]
}

// line is one line of an order: in a third of the cases one of the specifications.
func (l *ledgerRun) line(random *rand.Rand, way int) map[string]any {
	goods, plain := l.goods, l.mixed && way == byVirtual
	if plain {
		goods = l.items
	}
	line := map[string]any{"product": goods[random.IntN(len(goods))], "quantity": 1 + random.IntN(3)}
	if random.IntN(3) == 0 && !plain {
		size := l.sizes[random.IntN(len(l.sizes))]
		line["product"], line["variant"] = size.product, size.id
	}
	return line
}

// buy is the life of one order, as its own random numbers have it.
func (l *ledgerRun) buy(i int) error {
	random := rand.New(rand.NewPCG(l.seed, uint64(i)+10))
	person := l.people[random.IntN(len(l.people))]
	way := l.wayOf(random, person)
	order, err := l.insist("/api/wx/orders", person.token, map[string]any{
		"items": []any{l.line(random, way)}, "key": fmt.Sprintf("order-%d", i),
	})
	if err != nil {
		return err
	}
	id, ok := order["id"].(string)
	if !ok {
		return fmt.Errorf("no order: %v", order)
	}
	path := "/api/wx/orders/" + id
	handle, err := l.insist(path+ledgerWays[way].verb, person.token, nil)
	if err != nil || !isPayable(handle) {
		return err // it expired before it came to that
	}
	if way == byVirtual && random.IntN(10) == 0 {
		handle["device"] = "ios"
	}
	fate := random.IntN(100)
	if fate < 10 { // cancels, and half of them pay all the same, on the sheet that is still open
		_, err = l.insist(path+"/cancel", person.token, nil)
	}
	if fate < 5 || fate >= 10 && fate < 15 || err != nil { // and walks away, or walks away without a word
		return err
	}
	if fate >= 15 && fate < 30 { // taps pay on one phone and cancel on the other
		var race sync.WaitGroup
		race.Go(func() { _, _ = l.insist(path+"/cancel", person.token, nil) })
		defer race.Wait()
	}
	if way, handle, err = l.goOver(random, path, person, way, handle); err != nil {
		return err
	}
	payer := person
	if way == byCode || way == byPage {
		payer = l.friendOf(random, person)
	}
	l.ways[way].Add(1)
	if err := ledgerWays[way].pay(l, payer, handle); err != nil {
		return err
	}
	if fate%2 == 0 {
		if _, err := l.insist(path+"/sync", person.token, nil); err != nil {
			return err
		}
	}
	if l.mixed && fate%7 == 0 {
		if err := l.complain(random, payer); err != nil {
			return err
		}
	}
	if fate >= 75 {
		return l.refund(path, random)
	}
	return nil
}

// friendOf is somebody who scans a code: in half of the cases anybody, who may know the other mini program only.
func (l *ledgerRun) friendOf(random *rand.Rand, person ledgerPerson) ledgerPerson {
	if random.IntN(2) == 0 {
		return person
	}
	return l.people[random.IntN(len(l.people))]
}

// goOver is a buyer who changes the mind about how to pay. A third of them pays what was there before all the same, on the sheet that is still
// open; some do so while the other way is being asked for.
func (l *ledgerRun) goOver(random *rand.Rand, path string, person ledgerPerson, way int, handle map[string]any) (int, map[string]any, error) {
	if way == byVirtual || random.IntN(5) > 0 {
		return way, handle, nil
	}
	l.moved.Add(1)
	next := (way + 1 + random.IntN(2)) % byVirtual
	early, late := random.IntN(6) == 0, random.IntN(3) == 0
	var race sync.WaitGroup
	if early {
		race.Go(func() { _ = ledgerWays[way].pay(l, person, handle) })
	}
	got, err := l.insist(path+ledgerWays[next].verb, person.token, nil)
	race.Wait()
	if err != nil || !isPayable(got) {
		return way, handle, err // it was paid, or is over, and the sheet that is still open is tried once more
	}
	if late {
		if err := ledgerWays[way].pay(l, person, handle); err != nil {
			return way, handle, err
		}
	}
	return next, got, nil
}

// checkWays: no two attempts of an order were both paid and kept, and buyers have used every way that there is.
func (l *ledgerRun) checkWays(t *testing.T, app core.App) {
	t.Helper()
	var kept int
	if err := app.DB().NewQuery(`SELECT COUNT(*) FROM (SELECT [[order]] FROM payments WHERE state = 'PAID' GROUP BY [[order]] HAVING COUNT(*) > 1)`).Row(&kept); err != nil {
		t.Fatal(err)
	}
	if kept > 0 {
		t.Errorf("orders paid twice: %d", kept)
	}
	paid := map[string]int64{}
	for _, way := range []string{"JSAPI", "NATIVE", "MWEB", ""} {
		n, err := app.CountRecords("payments", dbx.HashExp{"tradeType": way, "state": "PAID"})
		if err != nil {
			t.Fatal(err)
		}
		paid[way] = n
	}
	virtual, others := l.virtual || l.mixed, !l.virtual
	few := !l.mixed && l.done.Load() < 100 // chance may leave a way out, of a seed that is not fixed
	if !few && ((paid[""] > 0) != virtual || (paid["JSAPI"] > 0) != others || (paid["NATIVE"] > 0) != others || (paid["MWEB"] > 0) != others) {
		t.Errorf("paid by way: got %v: equal books prove nothing of a way that nobody takes", paid)
	}
	t.Logf("paid by way: %v; %d went over to another", paid, l.moved.Load())
}
