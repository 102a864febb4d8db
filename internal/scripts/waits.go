package scripts

import (
	"strconv"
	"time"

	"github.com/dop251/goja"
)

// guardCron makes a cron job a run: PocketBase's plugin calls it without arguments, and with them the clock begins.
func (s *scriptRuntime) guardCron() error {
	var add goja.Value
	wrapped := s.vm.ToValue(func(c goja.FunctionCall) goja.Value {
		call, ok := goja.AssertFunction(add)
		if !ok {
			panic(s.vm.NewTypeError("cronAdd is not ready"))
		}
		id := strconv.Quote(c.Argument(0).String())
		handler := "function() { __args = [" + id + "]; try { return (" + c.Argument(2).String() + ").apply(undefined) } finally { __args = undefined } }"
		v, err := call(goja.Undefined(), c.Argument(0), c.Argument(1), s.vm.ToValue(handler))
		if err != nil {
			panic(err)
		}
		return v
	})
	return s.accessor("cronAdd", func() goja.Value {
		if add == nil {
			return goja.Undefined()
		}
		return wrapped
	}, func(v goja.Value) { add = v })
}

// guardWaits makes the calls that wait outside of the runtime end with its time: goja cannot interrupt them.
func (s *scriptRuntime) guardWaits() error {
	sleep := func(milliseconds int64) {
		var ended <-chan struct{}
		if s.run != nil {
			ended = s.run.ended
		}
		select {
		case <-ended:
		case <-time.After(time.Duration(milliseconds) * time.Millisecond):
		}
	}
	if err := s.vm.Set("sleep", sleep); err != nil {
		return err
	}
	return s.guardSend()
}

// guardSend shortens the timeout of $http.send to what is left of the run.
func (s *scriptRuntime) guardSend() error {
	http, ok := s.vm.Get("$http").(*goja.Object)
	if !ok {
		return nil
	}
	send, ok := goja.AssertFunction(http.Get("send"))
	if !ok {
		return nil
	}
	return http.Set("send", func(c goja.FunctionCall) goja.Value {
		params, ok := c.Argument(0).(*goja.Object)
		if ok && s.run != nil {
			copied := s.vm.NewObject()
			for _, key := range params.Keys() {
				_ = copied.Set(key, params.Get(key))
			}
			_ = copied.Set("timeout", s.run.seconds(copied.Get("timeout")))
			c.Arguments = append([]goja.Value{copied}, c.Arguments[1:]...)
		}
		v, err := send(c.This, c.Arguments...)
		if err != nil {
			panic(err)
		}
		return v
	})
}

// seconds is a timeout that ends with the run; PocketBase's own is two minutes.
func (r *scriptRun) seconds(asked goja.Value) int64 {
	left := 120 * time.Second
	if asked != nil {
		if n := asked.ToInteger(); n > 0 {
			left = time.Duration(n) * time.Second
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.clocks {
		if c.left >= 0 {
			left = min(left, c.left-time.Since(c.since))
		}
	}
	return max(1, int64((left+time.Second-1)/time.Second))
}
