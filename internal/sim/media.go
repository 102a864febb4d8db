package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

const (
	mediaAudio   = 1
	mediaImage   = 2
	largestMedia = 10 << 20 // bytes
	mediaFailed  = -1008    // the file could not be downloaded
)

// mediaCheck is one call of media_check_async and its result.
type mediaCheck struct {
	TraceID string     `json:"trace_id"`
	AppID   string     `json:"appid"`
	OpenID  string     `json:"openid"`
	URL     string     `json:"media_url"`
	Type    int        `json:"media_type"`
	Scene   int        `json:"scene"`
	MadeAt  time.Time  `json:"madeAt"`
	Due     time.Time  `json:"due"`
	DoneAt  *time.Time `json:"doneAt,omitempty"`
	Suggest string     `json:"suggest,omitempty"`
	Label   int        `json:"label,omitempty"`
	ErrCode int        `json:"errcode"`
	Reason  string     `json:"reason,omitempty"` // of a download that failed
}

func (m mediaCheck) Entity() (kind, id string) { return "media", m.TraceID }

// mediaTable holds the pictures and sounds that were submitted.
type mediaTable struct{ media map[string]*mediaCheck }

func (t *mediaTable) register(r *registry) {
	remember(r, "media", &t.media, (*mediaCheck).worthKeeping)
	r.indexes = append(r.indexes, func(at restart) {
		for _, m := range t.media {
			if m.DoneAt == nil {
				at.agenda.enter(later(m.Due, at.now), m)
			}
		}
	})
}

// begin is for the agenda: it fetches the file without the lock.
func (m *mediaCheck) begin(s *Sim, _ time.Time) errand {
	return func(ctx context.Context) { s.finishMedia(ctx, m) }
}

// mediaRequest is the body of media_check_async.
type mediaRequest struct {
	URL     string `json:"media_url"`
	Type    int    `json:"media_type"` // 1 audio, 2 image
	Version int    `json:"version"`    // 2
	Scene   int    `json:"scene"`      // as in textRequest
	OpenID  string `json:"openid"`
}

// checkMedia is POST /wxa/media_check_async: the answer comes later, as the event wxa_media_check.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/sec-center/sec-check/api_mediacheckasync.html (多媒体内容安全识别)
func (s *Sim) checkMedia(c *call) reply {
	var in mediaRequest
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	u, err := url.Parse(in.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return c.refuse(40097, "media_url must be an address of http or https")
	case in.Type != mediaAudio && in.Type != mediaImage:
		return c.refuse(40004, "media_type must be 1 or 2")
	case in.Version != 2:
		return c.refuse(40097, "version must be 2")
	case in.Scene < 1 || in.Scene > 4:
		return c.refuse(40097, "scene must be 1 to 4")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if code, reason := s.mediaQuota(c, in); code != 0 {
		return c.refuse(code, reason)
	}
	m := &mediaCheck{
		TraceID: wire.RID(c.now), AppID: c.appid, OpenID: in.OpenID, URL: in.URL, Type: in.Type, Scene: in.Scene, MadeAt: c.now, Due: c.now.Add(s.opts.mediaDelay),
	}
	if err := s.save(m); err != nil {
		return c.refuse(-1, err.Error())
	}
	s.state.media[m.TraceID] = m
	s.state.agenda.enter(m.Due, m)
	s.wakeWorker()
	return c.ok(struct {
		plainOK
		TraceID string `json:"trace_id"`
	}{plainOK{ErrMsg: "ok"}, m.TraceID})
}

// mediaQuota counts a call and checks the openid. The caller holds s.mu.
func (s *Sim) mediaQuota(c *call, in mediaRequest) (errcode int, reason string) {
	switch {
	case !s.limits.Allow("media/minute/"+c.appid, s.quota(quotaMediaRate), time.Minute, c.now):
		return 44991, "more media in a minute than " + quotaMediaRate
	case !s.limits.Allow("media/day/"+c.appid, s.quota(quotaMedia), 24*time.Hour, c.now):
		return 45009, "more media in a day than " + quotaMedia
	}
	if errcode, reason = s.checkActive(c.appid, in.OpenID, c.now); errcode != 0 {
		return errcode, reason
	}
	if !s.limits.Allow("media/same/"+c.appid+"/"+in.URL, s.quota(quotaSameMedia), time.Minute, c.now) {
		return 87020, "the same media_url more often in a minute than " + quotaSameMedia
	}
	return 0, ""
}

// finishMedia checks the file and pushes the result.
func (s *Sim) finishMedia(ctx context.Context, m *mediaCheck) {
	said, err := s.look(ctx, *m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil || s.state.media[m.TraceID] != m {
		return // note: Close interrupted it; it is still open in the journal and runs after the restart
	}
	now := s.Now()
	done := *m
	done.DoneAt, done.Suggest, done.Label = &now, said.Suggest, said.Label
	if err != nil {
		done.ErrCode, done.Reason = mediaFailed, err.Error()
	}
	note := s.newEvent(m.AppID, m.OpenID, eventMediaCheck, done.fields())
	if note == nil {
		s.note(eventMediaCheck, "the result of "+m.TraceID+" goes nowhere: the mini program has no pushUrl")
	}
	if err := s.saveWith([]book.Row{done}, note); err != nil {
		s.note(eventMediaCheck, "the journal could not keep a result: "+err.Error())
		s.state.agenda.enter(now.Add(longestNap), m)
		return
	}
	*m = done
}

// fields is the result as the event contains it.
func (m mediaCheck) fields() pushFields {
	fields := pushFields{"appid": m.AppID, "trace_id": m.TraceID, "version": 2, "errcode": m.ErrCode, "errmsg": "ok"}
	if m.ErrCode != 0 {
		fields["errmsg"] = "download failed"
		return fields
	}
	fields["result"] = map[string]any{"suggest": m.Suggest, "label": m.Label}
	fields["detail"] = []any{map[string]any{"strategy": "content_model", "errcode": 0, "suggest": m.Suggest, "label": m.Label, "prob": 90}}
	return fields
}

// look judges by marks: sim-risky or sim-review in the address, or in the bytes of a file on this machine. NB! it never
// fetches from another machine, because the caller chooses the address.
func (s *Sim) look(ctx context.Context, m mediaCheck) (judgement, error) {
	content := []byte(m.URL)
	if u, err := url.Parse(m.URL); err == nil && isLoopback(u.Hostname()) {
		file, err := s.fetchMedia(ctx, m)
		if err != nil {
			return judgement{}, err
		}
		content = append(file, content...)
	}
	switch {
	case bytes.Contains(content, []byte(markRisky)):
		return judgement{Suggest: suggestRisky, Label: 20002}, nil
	case bytes.Contains(content, []byte(markReview)):
		return judgement{Suggest: suggestReview, Label: 21000}, nil
	}
	return judgement{Suggest: suggestPass, Label: labelNormal}, nil
}

// fetchMedia downloads a file from this machine and checks its type.
func (s *Sim) fetchMedia(ctx context.Context, m mediaCheck) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	resp, err := s.client.Do(req)
	if problem := (*url.Error)(nil); errors.As(err, &problem) {
		return nil, fmt.Errorf("download: %w", problem.Err)
	} else if err != nil {
		return nil, fmt.Errorf("download: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	file, err := io.ReadAll(io.LimitReader(resp.Body, largestMedia+1))
	sniffed := http.DetectContentType(file)
	switch {
	case err != nil:
		return nil, fmt.Errorf("download: %w", err)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("download: got %s", resp.Status)
	case len(file) > largestMedia:
		return nil, errors.New("download: the file is larger than 10 MiB")
	case m.Type == mediaImage && !isPicture(sniffed):
		return nil, errors.New("download: the file is " + sniffed + " and no picture")
	case m.Type == mediaAudio && strings.HasPrefix(sniffed, "text/"):
		return nil, errors.New("download: the file is " + sniffed + " and no audio")
	}
	return file, nil
}

// isPicture accepts the formats that WeChat checks.
func isPicture(contentType string) bool {
	return oneOf("image/jpeg", "image/png", "image/bmp", "image/gif")(contentType)
}

// listMedia is GET /_sim/media: the checks and their results, the latest first.
func (s *Sim) listMedia(c *echo.Context) error {
	return s.inBook(c, func() any {
		return book.Newest(s.state.media, func(m *mediaCheck) time.Time { return m.MadeAt }, func(m *mediaCheck) string { return m.TraceID })
	})
}
