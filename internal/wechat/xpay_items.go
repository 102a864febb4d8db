package wechat

import (
	"context"
	"strconv"
	"time"
)

// XpayItem is an item (道具) that WeChat sells for us.
type XpayItem struct {
	ID      string `json:"id"`       // at most 64 bytes
	Name    string `json:"name"`     // at most 1024 bytes
	Price   int64  `json:"price"`    // fen
	Remark  string `json:"remark"`   // for people
	ItemURL string `json:"item_url"` // of a picture
}

// XpayTask is how far uploading or publishing has come.
type XpayTask int

// The states of a task, and of an item in it.
const (
	XpayTaskNone    XpayTask = 0
	XpayTaskRunning XpayTask = 1
	XpayTaskFailed  XpayTask = 2 // at least one item
	XpayTaskOK      XpayTask = 3

	xpayItemExists = 1
	xpayItemOK     = 2
	xpayItemFailed = 3
)

// XpayItemState is what became of one item of a task.
type XpayItemState struct {
	ID      string
	Done    bool // or there already
	Failed  bool
	Problem string // WeChat's words
}

// UploadItems begins to upload items: POST /xpay/start_upload_goods. Errcode [XpayTaskRuns] while another task runs.
func (x Xpay) UploadItems(ctx context.Context, items []XpayItem) error {
	return x.call(ctx, "start_upload_goods", xpayBody{"upload_item": items}, "", true, nil)
}

// Uploaded tells how far the uploading is: POST /xpay/query_upload_goods.
func (x Xpay) Uploaded(ctx context.Context) (XpayTask, []XpayItemState, error) {
	return x.task(ctx, "query_upload_goods", func(w xpayTaskWire) []xpayItemWire { return w.Uploads })
}

// PublishItems begins to publish items, after which they can be bought: POST /xpay/start_publish_goods.
func (x Xpay) PublishItems(ctx context.Context, ids []string) error {
	list := make([]map[string]string, 0, len(ids))
	for _, id := range ids {
		list = append(list, map[string]string{"id": id})
	}
	return x.call(ctx, "start_publish_goods", xpayBody{"publish_item": list}, "", true, nil)
}

// Published tells how far the publishing is: POST /xpay/query_publish_goods.
func (x Xpay) Published(ctx context.Context) (XpayTask, []XpayItemState, error) {
	return x.task(ctx, "query_publish_goods", func(w xpayTaskWire) []xpayItemWire { return w.Publishes })
}

type xpayItemWire struct {
	ID     word   `json:"id"`
	Status number `json:"upload_status"`
	Other  number `json:"publish_status"`
	Errmsg word   `json:"errmsg"`
}

type xpayTaskWire struct {
	Status    number         `json:"status"`
	Uploads   []xpayItemWire `json:"upload_item"`
	Publishes []xpayItemWire `json:"publish_item"`
}

func (x Xpay) task(ctx context.Context, name string, pick func(xpayTaskWire) []xpayItemWire) (task XpayTask, items []XpayItemState, err error) {
	err = x.call(ctx, name, xpayBody{}, "", true, func(body []byte) error {
		var wire xpayTaskWire
		if err := decode(body, &wire); err != nil {
			return err
		}
		task = XpayTask(wire.Status)
		for _, i := range pick(wire) {
			status := max(i.Status, i.Other)
			items = append(items, XpayItemState{
				ID: string(i.ID), Done: status == xpayItemExists || status == xpayItemOK, Failed: status == xpayItemFailed, Problem: string(i.Errmsg),
			})
		}
		return nil
	})
	return task, items, err
}

// Bill asks where the bill of some days lies: POST /xpay/download_bill. Errcode [XpayNotReady] while it is being made.
func (x Xpay) Bill(ctx context.Context, from, to time.Time) (address string, err error) {
	day := func(t time.Time) int {
		n, _ := strconv.Atoi(t.Format("20060102")) // eight digits
		return n
	}
	err = x.call(ctx, "download_bill", xpayBody{"begin_ds": day(from), "end_ds": day(to)}, "", true, func(body []byte) error {
		var wire struct {
			URL string `json:"url"`
		}
		err := decode(body, &wire)
		address = wire.URL
		return err
	})
	return address, err
}
